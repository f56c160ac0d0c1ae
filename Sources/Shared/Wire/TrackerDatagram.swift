package import NIOCore
package import Vocabulary

/// What a peer sends to the tracker's UDP port: BEP 15's frame, with an announce of our own. Numbers are big-endian.
package enum TrackerRequest: Hashable, Sendable {
    case connect(transaction: UInt32)
    case announce(connection: UInt64, transaction: UInt32, Announcement)

    /// The magic of BEP 15.
    package static let protocolID: UInt64 = 0x417_2710_1980
    /// "TRIB": BEP 15 has no action near it.
    package static let announceAction: UInt32 = 0x5452_4942

    package func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .connect(let transaction):
            buffer.writeInteger(Self.protocolID)
            buffer.writeInteger(0, as: UInt32.self)
            buffer.writeInteger(transaction)
        case .announce(let connection, let transaction, let announcement):
            buffer.writeInteger(connection)
            buffer.writeInteger(Self.announceAction)
            buffer.writeInteger(transaction)
            announcement.encode(into: &buffer)
        }
    }

    /// Takes one whole datagram; every byte of it must belong.
    package init(parsing datagram: ByteBuffer) throws(WireError) {
        self = try datagram.withUnsafeReadableBytes { bytes in
            Result { () throws(WireError) in try TrackerRequest(parsing: bytes) }
        }.get()
    }

    package init(parsing datagram: UnsafeRawBufferPointer) throws(WireError) {
        guard datagram.count <= Limits.datagramLength else {
            throw .oversized(length: datagram.count, limit: Limits.datagramLength)
        }
        guard datagram.count >= 16 else { throw .truncated }
        let connection: UInt64 = datagram.number(at: 0)
        let action: UInt32 = datagram.number(at: 8)
        let transaction: UInt32 = datagram.number(at: 12)
        let rest = UnsafeRawBufferPointer(rebasing: datagram[16...])
        switch action {
        case 0:
            guard connection == Self.protocolID else { throw .outOfRange("protocol") }
            guard rest.isEmpty else { throw .trailingBytes }
            self = .connect(transaction: transaction)
        case Self.announceAction:
            self = .announce(connection: connection, transaction: transaction, try Announcement(parsing: rest))
        default: throw .unknownType(UInt8(truncatingIfNeeded: action))
        }
    }
}

/// What the tracker sends on UDP.
package enum TrackerAnswer: Hashable, Sendable {
    case connected(transaction: UInt32, connection: UInt64)
    case welcome(transaction: UInt32, Welcome)
    /// One sentence of ASCII.
    case refused(transaction: UInt32, String)
    /// Nothing was asked: somebody dials us now and gets through if we dial as well. It names our last announce.
    case call(transaction: UInt32, Introduction)

    /// "TRIC".
    package static let callAction: UInt32 = 0x5452_4943

    package func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .connected(let transaction, let connection):
            buffer.writeInteger(0, as: UInt32.self)
            buffer.writeInteger(transaction)
            buffer.writeInteger(connection)
        case .welcome(let transaction, let welcome):
            buffer.writeInteger(TrackerRequest.announceAction)
            buffer.writeInteger(transaction)
            welcome.encode(into: &buffer)
        case .refused(let transaction, let reason):
            buffer.writeInteger(3, as: UInt32.self)
            buffer.writeInteger(transaction)
            buffer.writeBytes(reason.utf8.prefix(256))
        case .call(let transaction, let caller):
            buffer.writeInteger(Self.callAction)
            buffer.writeInteger(transaction)
            buffer.writeWord(caller.peer.key)
            let address = caller.endpoint.address
            buffer.writeInteger(UInt8(address.count))
            buffer.writeBytes(address)
            buffer.writeInteger(caller.endpoint.port)
        }
    }

    /// Writes a welcome to `bytes`, which has room for a datagram; returns its length.
    package static func write(
        _ welcome: Welcome, transaction: UInt32, to bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        bytes.write(TrackerRequest.announceAction, at: 0)
        bytes.write(transaction, at: 4)
        return welcome.encode(to: bytes, at: 8)
    }

    package init(parsing datagram: ByteBuffer) throws(WireError) {
        guard datagram.readableBytes <= Limits.datagramLength else {
            throw .oversized(length: datagram.readableBytes, limit: Limits.datagramLength)
        }
        var rest = datagram
        let action: UInt32 = try rest.take()
        let transaction: UInt32 = try rest.take()
        switch action {
        case 0:
            self = .connected(transaction: transaction, connection: try rest.take())
            guard rest.readableBytes == 0 else { throw .trailingBytes }
        case TrackerRequest.announceAction: self = .welcome(transaction: transaction, try Welcome(parsing: rest))
        case 3:
            let bytes = try rest.takeBytes(rest.readableBytes)
            guard bytes.count <= 256, bytes.allSatisfy({ (32...126).contains($0) }) else { throw .outOfRange("reason") }
            self = .refused(transaction: transaction, String(decoding: bytes, as: UTF8.self))
        case Self.callAction:
            self = .call(transaction: transaction, try rest.takeIntroduction())
            guard rest.readableBytes == 0 else { throw .trailingBytes }
        default: throw .unknownType(UInt8(truncatingIfNeeded: action))
        }
    }
}

/// The first byte of an announcement, and of a welcome.
private let announcementLayout: UInt8 = 2
private let welcomeLayout: UInt8 = 3

/// What a welcome says with one bit each; who does not know a bit passes over it.
private enum WelcomeFlag {
    static let isUnreachable: UInt8 = 1
}

extension ByteBuffer {
    fileprivate mutating func takeIntroduction() throws(WireError) -> Introduction {
        let peer = PeerID(try takeWord())
        let length: UInt8 = try take()
        guard length == 4 || length == 16 else { throw .outOfRange("address") }
        let address = try takeBytes(Int(length))
        guard let endpoint = Endpoint(address: address, port: try take()), endpoint.port != 0 else {
            throw .outOfRange("endpoint")
        }
        return Introduction(peer: peer, endpoint: endpoint)
    }
}

extension Announcement {
    /// Also the body of `POST /v1/announce`.
    package func encode(into buffer: inout ByteBuffer) {
        buffer.writeInteger(announcementLayout)
        buffer.writeWord(broadcast.key)
        buffer.writeWord(peer.key)
        buffer.writeInteger(event.rawValue)
        buffer.writeInteger(port)
        buffer.writeInteger(rendition)
        buffer.writeInteger(newest)
        buffer.writeInteger(held)
        buffer.writeInteger(freeUpload)
        buffer.writeInteger(wanted)
        buffer.writeInteger(lacking.bits)
        let roots = roots.prefix(Self.rootLimit)
        buffer.writeInteger(UInt8(roots.count))
        for root in roots { buffer.writeWord(root.hash) }
    }

    package init(parsing bytes: ByteBuffer) throws(WireError) {
        self = try bytes.withUnsafeReadableBytes { bytes in
            Result { () throws(WireError) in try Announcement(parsing: bytes) }
        }.get()
    }

    package init(parsing bytes: UnsafeRawBufferPointer) throws(WireError) {
        var rest = RawReader(bytes)
        let version: UInt8 = try rest.take()
        guard version == announcementLayout else { throw .unknownType(version) }
        let broadcast = BroadcastID(try rest.takeWord())
        let peer = PeerID(try rest.takeWord())
        guard let event = Event(rawValue: try rest.take()) else { throw .outOfRange("event") }
        let port: UInt16 = try rest.take()
        let rendition: UInt8 = try rest.take()
        guard rendition < Limits.renditions else { throw .outOfRange("rendition") }
        let newest: UInt64 = try rest.take()
        guard newest <= UInt64(Limits.sequence) else { throw .outOfRange("sequence") }
        let held: UInt64 = try rest.take()
        let freeUpload: UInt64 = try rest.take()
        let wanted: UInt8 = try rest.take()
        let lacking = StripeSet(bits: try rest.take())
        let count: UInt8 = try rest.take()
        guard count <= Self.rootLimit else { throw .tooMany }
        var roots: [Root] = []
        for _ in 0..<count { roots.append(Root(try rest.takeWord())) }
        guard rest.isAtEnd else { throw .trailingBytes }
        self.init(
            broadcast: broadcast, peer: peer, event: event, port: port, rendition: rendition, newest: newest,
            held: held, freeUpload: freeUpload, wanted: wanted, lacking: lacking, roots: roots)
    }
}

/// Takes bytes from the front, without an allocation.
private struct RawReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take<Number: FixedWidthInteger & BitwiseCopyable>() throws(WireError) -> Number {
        guard bytes.count - position >= MemoryLayout<Number>.size else { throw .truncated }
        defer { position += MemoryLayout<Number>.size }
        return bytes.number(at: position)
    }

    mutating func takeWord() throws(WireError) -> Word256 {
        guard bytes.count - position >= 32 else { throw .truncated }
        return Word256(try take(), try take(), try take(), try take())
    }
}

extension Welcome {
    /// Also the answer to `POST /v1/announce`. Neighbors that would make it longer than a datagram are left out.
    package func encode(into buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Limits.datagramLength) { encode(to: $0, at: 0) }
    }

    /// Writes to `bytes`, which has room for a datagram; returns where the welcome ends.
    package func encode(to bytes: UnsafeMutableRawBufferPointer, at start: Int) -> Int {
        precondition(bytes.count >= Limits.datagramLength && start <= 8, "a datagram has room for a welcome")
        var position = start
        func put(_ number: some FixedWidthInteger & BitwiseCopyable) {
            bytes.write(number, at: position)
            position += MemoryLayout.size(ofValue: number)
        }
        put(welcomeLayout)
        put(UInt16(clamping: interval))
        put(UInt32(clamping: viewers))
        put(newest)
        if let lease {
            put(UInt8(clamping: lease.count))
            put(UInt8(clamping: lease.index))
            put(lease.epoch)
        } else {
            put(0 as UInt8)
        }
        put(UInt8(duty.number))
        put(isUnreachable ? WelcomeFlag.isUnreachable : 0 as UInt8)
        let counted = position
        position += 1
        // Eight bytes before us belong to the datagram in any case.
        let end = start + Limits.datagramLength - 8
        var count: UInt8 = 0
        for neighbor in neighbors.prefix(Limits.introductions) {
            let ip = neighbor.endpoint.ip
            let isV4 = ip.high == 0 && ip.low >> 32 == 0xffff
            guard position + 35 + (isV4 ? 4 : 16) <= end else { break }
            let words = neighbor.peer.key.words
            put(words.0)
            put(words.1)
            put(words.2)
            put(words.3)
            if isV4 {
                put(4 as UInt8)
                put(UInt32(truncatingIfNeeded: ip.low))
            } else {
                put(16 as UInt8)
                put(ip.high)
                put(ip.low)
            }
            put(neighbor.endpoint.port)
            count += 1
        }
        bytes.write(count, at: counted)
        return position
    }

    package init(parsing bytes: ByteBuffer) throws(WireError) {
        var rest = bytes
        let version: UInt8 = try rest.take()
        guard version == welcomeLayout else { throw .unknownType(version) }
        let interval = Int(try rest.take() as UInt16)
        let viewers = Int(try rest.take() as UInt32)
        let newest: UInt64 = try rest.take()
        guard newest <= UInt64(Limits.sequence) else { throw .outOfRange("sequence") }
        var lease: Lease?
        let injectors: UInt8 = try rest.take()
        if injectors > 0 {
            let index: UInt8 = try rest.take()
            guard index < injectors else { throw .outOfRange("lease") }
            lease = Lease(index: Int(index), count: Int(injectors), epoch: try rest.take())
        }
        guard let duty = Stripe(Int(try rest.take() as UInt8)) else { throw .outOfRange("stripe") }
        let flags: UInt8 = try rest.take()
        let count: UInt8 = try rest.take()
        guard count <= Limits.introductions else { throw .tooMany }
        var neighbors: [Introduction] = []
        for _ in 0..<count { neighbors.append(try rest.takeIntroduction()) }
        guard rest.readableBytes == 0 else { throw .trailingBytes }
        self.init(
            interval: interval, viewers: viewers, newest: newest, lease: lease, duty: duty,
            isUnreachable: flags & WelcomeFlag.isUnreachable != 0, neighbors: neighbors)
    }
}
