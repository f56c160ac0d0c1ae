package import Vocabulary

/// What a BitTorrent client sends to a tracker's UDP port (BEP 15). Numbers are big-endian; nothing is allocated.
package enum SwarmRequest: Hashable, Sendable {
    case connect(transaction: UInt32)
    case announce(connection: UInt64, transaction: UInt32, SwarmAnnounce)
    /// The hashes stay in the datagram: `SwarmRequest.hash` reads them.
    case scrape(connection: UInt64, transaction: UInt32, count: Int)

    /// Which of the protocols on the port a datagram speaks; `nil` when it is too short for any.
    package static func action(of datagram: UnsafeRawBufferPointer) -> UInt32? {
        datagram.count >= 16 ? datagram.number(at: 8) : nil
    }

    package init(parsing datagram: UnsafeRawBufferPointer) throws(WireError) {
        guard datagram.count >= 16 else { throw .truncated }
        let connection: UInt64 = datagram.number(at: 0)
        let action: UInt32 = datagram.number(at: 8)
        let transaction: UInt32 = datagram.number(at: 12)
        switch action {
        case 0:
            guard connection == TrackerRequest.protocolID else { throw .outOfRange("protocol") }
            // Its answer has 16 bytes, so nobody's address gets more than was sent in its name.
            guard datagram.count == 16 else { throw .trailingBytes }
            self = .connect(transaction: transaction)
        case 1:
            guard datagram.count >= 98 else { throw .truncated }
            // 4 is libtorrent's word for a client that wants no more although it has not everything (BEP 21).
            let number: UInt32 = datagram.number(at: 80)
            guard let event = SwarmAnnounce.Event(rawValue: number == 4 ? 0 : number) else {
                throw .outOfRange("event")
            }
            // 84: an address that we do not believe; 88: a key that we do not need.
            let wanted = Int32(bitPattern: datagram.number(at: 92))
            try Self.checkOptions(UnsafeRawBufferPointer(rebasing: datagram[98...]))
            let left: UInt64 = datagram.number(at: 64)
            let announce = SwarmAnnounce(
                hash: datagram.infoHash(at: 16), port: datagram.number(at: 96), isSeeder: left == 0, event: event,
                wanted: wanted < 0 ? nil : Int(wanted))
            self = .announce(connection: connection, transaction: transaction, announce)
        case 2:
            let (count, rest) = (datagram.count - 16).quotientAndRemainder(dividingBy: 20)
            guard count > 0, rest == 0 else { throw .truncated }
            guard count <= Limits.scrapeHashes else { throw .tooMany }
            self = .scrape(connection: connection, transaction: transaction, count: count)
        default: throw .unknownType(UInt8(truncatingIfNeeded: action))
        }
    }

    /// BEP 41: 0 ends the list, 1 is padding, all others have a length. Nothing in them matters here.
    private static func checkOptions(_ options: UnsafeRawBufferPointer) throws(WireError) {
        var position = 0
        while position < options.count {
            switch options[position] {
            case 0: return
            case 1: position += 1
            default:
                guard position + 1 < options.count else { throw .truncated }
                position += 2 + Int(options[position + 1])
                guard position <= options.count else { throw .truncated }
            }
        }
    }

    /// The hash number `index` of a scrape.
    package static func hash(_ index: Int, of datagram: UnsafeRawBufferPointer) -> InfoHash {
        datagram.infoHash(at: 16 + 20 * index)
    }
}

/// What the tracker answers to it. Each writes to the front of `bytes`, which has room for it, and returns the length.
package enum SwarmReply {
    package static func connected(
        transaction: UInt32, connection: UInt64, to bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        bytes.write(0 as UInt32, at: 0)
        bytes.write(transaction, at: 4)
        bytes.write(connection, at: 8)
        return 16
    }

    /// Where an announce's answer has its list.
    package static let listOffset = 20

    /// The list has been written already, and has `length` bytes.
    package static func announced(
        transaction: UInt32, interval: Int, _ counts: SwarmCounts, listLength: Int,
        to bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        bytes.write(1 as UInt32, at: 0)
        bytes.write(transaction, at: 4)
        bytes.write(UInt32(clamping: interval), at: 8)
        bytes.write(counts.leechers, at: 12)
        bytes.write(counts.seeders, at: 16)
        return listOffset + listLength
    }

    /// The numbers of the hash number `index`; they never reach the bytes of a hash that is still to be read.
    package static func scraped(_ index: Int, _ counts: SwarmCounts, to bytes: UnsafeMutableRawBufferPointer) {
        bytes.write(counts.seeders, at: 8 + 12 * index)
        bytes.write(counts.completed, at: 12 + 12 * index)
        bytes.write(counts.leechers, at: 16 + 12 * index)
    }

    package static func scraped(transaction: UInt32, count: Int, to bytes: UnsafeMutableRawBufferPointer) -> Int {
        bytes.write(2 as UInt32, at: 0)
        bytes.write(transaction, at: 4)
        return 8 + 12 * count
    }

    /// One sentence of ASCII.
    package static func refused(
        transaction: UInt32, _ reason: String, to bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        bytes.write(3 as UInt32, at: 0)
        bytes.write(transaction, at: 4)
        let text = reason.utf8.prefix(256)
        UnsafeMutableRawBufferPointer(rebasing: bytes[8...]).copyBytes(from: text)
        return 8 + text.count
    }
}

extension UnsafeRawBufferPointer {
    func number<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Number {
        Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    func infoHash(at offset: Int) -> InfoHash {
        InfoHash(number(at: offset), number(at: offset + 8), number(at: offset + 16))
    }
}

extension UnsafeMutableRawBufferPointer {
    func write(_ number: some FixedWidthInteger & BitwiseCopyable, at offset: Int) {
        storeBytes(of: number.bigEndian, toByteOffset: offset, as: type(of: number))
    }
}
