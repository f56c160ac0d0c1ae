package import NIOCore
package import Vocabulary

/// The query of a BitTorrent client's announce over HTTP (BEP 3). Nothing is allocated.
package struct SwarmQuery: Hashable, Sendable {
    package var announce: SwarmAnnounce
    /// Whether a list in the form of BEP 23 will do; every client of today says so.
    package var isCompact: Bool

    package init(parsing query: UnsafeRawBufferPointer) throws(WireError) {
        var hash: InfoHash?
        var port: UInt16?
        var left: UInt64?
        var event: SwarmAnnounce.Event?
        var wanted: Int64?
        var compact: UInt64?
        var items = QueryItems(query)
        while let item = try items.next() {
            // Known names are told apart by their lengths first.
            switch item.name.count {
            case 4 where item.isNamed("port"):
                let number = try item.number()
                guard number <= 65_535 else { throw .outOfRange("port") }
                try Self.set(&port, UInt16(number))
            case 4 where item.isNamed("left"): try Self.set(&left, try item.number())
            case 5 where item.isNamed("event"): try Self.set(&event, try Self.event(item))
            case 7 where item.isNamed("numwant"):
                // Some clients say -1 for "as you like".
                let isNegative = item.value.first == UInt8(ascii: "-")
                let number = try item.number(skipping: isNegative ? 1 : 0)
                try Self.set(&wanted, isNegative ? -1 : Int64(min(number, 1 << 20)))
            case 7 where item.isNamed("compact"): try Self.set(&compact, try item.number())
            case 9 where item.isNamed("info_hash"): try Self.set(&hash, try item.hash())
            // uploaded, downloaded, peer_id, key and ip are of no use here; the last one least of all.
            default: break
            }
        }
        guard let hash else { throw .missing("info_hash") }
        guard let port else { throw .missing("port") }
        isCompact = compact != 0
        announce = SwarmAnnounce(
            hash: hash, port: port, isSeeder: left == 0, event: event ?? .none,
            wanted: wanted.flatMap { $0 < 0 ? nil : Int($0) })
    }

    private static func set<Value>(_ place: inout Value?, _ value: Value) throws(WireError) {
        guard place == nil else { throw .notCanonical }
        place = value
    }

    private static func event(_ item: QueryItem) throws(WireError) -> SwarmAnnounce.Event {
        if item.value.isEmpty || item.isValue("empty") { return .none }
        if item.isValue("started") { return .started }
        if item.isValue("stopped") { return .stopped }
        if item.isValue("completed") { return .completed }
        // BEP 21: has all that it wants.
        if item.isValue("paused") { return .none }
        throw .outOfRange("event")
    }

    /// The hashes of a scrape (BEP 48), at least one.
    package static func hashes(parsing query: UnsafeRawBufferPointer) throws(WireError) -> [InfoHash] {
        var hashes: [InfoHash] = []
        var items = QueryItems(query)
        while let item = try items.next() {
            guard item.isNamed("info_hash") else { continue }
            guard hashes.count < Limits.scrapeHashes else { throw .tooMany }
            hashes.append(try item.hash())
        }
        guard !hashes.isEmpty else { throw .missing("info_hash") }
        return hashes
    }
}

/// One `name=value`, still percent-encoded.
private struct QueryItem {
    let name: UnsafeRawBufferPointer
    let value: UnsafeRawBufferPointer

    func isNamed(_ text: StaticString) -> Bool { Self.isSame(name, text) }
    func isValue(_ text: StaticString) -> Bool { Self.isSame(value, text) }

    private static func isSame(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        bytes.count == text.utf8CodeUnitCount && text.withUTF8Buffer { bytes.elementsEqual($0) }
    }

    /// A number as everybody writes it: digits alone, and no zero before others.
    func number(skipping skipped: Int = 0) throws(WireError) -> UInt64 {
        let digits = value.count - skipped
        guard digits > 0 else { throw .notInteger }
        guard digits < 20 else { throw .outOfRange("integer") }
        guard digits == 1 || value[skipped] != UInt8(ascii: "0") else { throw .notCanonical }
        var number: UInt64 = 0
        for position in skipped..<value.count {
            let digit = value[position] &- UInt8(ascii: "0")
            guard digit <= 9 else { throw .notInteger }
            // Nineteen digits always fit.
            number = number * 10 + UInt64(digit)
        }
        return number
    }

    func hash() throws(WireError) -> InfoHash {
        var words: (UInt64, UInt64, UInt32) = (0, 0, 0)
        var count = 0
        var position = 0
        while position < value.count {
            var byte = value[position]
            position += 1
            if byte == UInt8(ascii: "%") {
                guard position + 2 <= value.count else { throw .truncated }
                guard let high = Self.digit(value[position]), let low = Self.digit(value[position + 1]) else {
                    throw .unexpected(byte)
                }
                byte = high << 4 | low
                position += 2
            }
            switch count {
            case 0..<8: words.0 = words.0 << 8 | UInt64(byte)
            case 8..<16: words.1 = words.1 << 8 | UInt64(byte)
            case 16..<20: words.2 = words.2 << 8 | UInt32(byte)
            default: throw .outOfRange("info_hash")
            }
            count += 1
        }
        guard count == 20 else { throw .outOfRange("info_hash") }
        return InfoHash(words.0, words.1, words.2)
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

private struct QueryItems {
    private let query: UnsafeRawBufferPointer
    private var position = 0
    private var count = 0

    init(_ query: UnsafeRawBufferPointer) { self.query = query }

    mutating func next() throws(WireError) -> QueryItem? {
        while position < query.count {
            let start = position
            var equals: Int?
            while position < query.count, query[position] != UInt8(ascii: "&") {
                if equals == nil, query[position] == UInt8(ascii: "=") { equals = position }
                position += 1
            }
            let end = position
            position += 1
            guard end > start else { continue }
            count += 1
            guard count <= Limits.queryItems else { throw .tooMany }
            return QueryItem(
                name: UnsafeRawBufferPointer(rebasing: query[start..<(equals ?? end)]),
                value: UnsafeRawBufferPointer(rebasing: query[(equals.map { $0 + 1 } ?? end)..<end]))
        }
        return nil
    }
}

/// The bencoded answers of a tracker over HTTP, written without an intermediate value; keys are in their order.
package enum SwarmPage {
    /// `peers` and `peers6` are compact lists (BEP 23, BEP 7).
    package static func announced(
        _ counts: SwarmCounts, interval: Int, minimum: Int, peers: UnsafeRawBufferPointer,
        peers6: UnsafeRawBufferPointer, isCompact: Bool, to page: inout ByteBuffer
    ) {
        page.writeStaticString("d8:complete")
        page.writeBencoded(Int(counts.seeders))
        page.writeStaticString("10:downloaded")
        page.writeBencoded(Int(counts.completed))
        page.writeStaticString("10:incomplete")
        page.writeBencoded(Int(counts.leechers))
        page.writeStaticString("8:interval")
        page.writeBencoded(interval)
        page.writeStaticString("12:min interval")
        page.writeBencoded(minimum)
        page.writeStaticString("5:peers")
        if isCompact {
            page.writeBencoded(peers)
            if !peers6.isEmpty {
                page.writeStaticString("6:peers6")
                page.writeBencoded(peers6)
            }
        } else {
            page.writeStaticString("l")
            for (list, length) in [(peers, 4), (peers6, 16)] {
                for start in stride(from: 0, to: list.count, by: length + 2) {
                    guard let ip = IPAddress(list[start..<start + length]) else { continue }
                    page.writeStaticString("d2:ip")
                    page.writeBencoded("\(ip)")
                    page.writeStaticString("4:port")
                    page.writeBencoded(Int(list[start + length]) << 8 | Int(list[start + length + 1]))
                    page.writeStaticString("e")
                }
            }
            page.writeStaticString("e")
        }
        page.writeStaticString("e")
    }

    package static func scraped(_ files: [(InfoHash, SwarmCounts)], to page: inout ByteBuffer) {
        page.writeStaticString("d5:filesd")
        let sorted = files.sorted { $0.0.words < $1.0.words }
        for (index, (hash, counts)) in sorted.enumerated() where index == 0 || sorted[index - 1].0 != hash {
            page.writeStaticString("20:")
            page.writeBytes(hash.bytes)
            page.writeStaticString("d8:complete")
            page.writeBencoded(Int(counts.seeders))
            page.writeStaticString("10:downloaded")
            page.writeBencoded(Int(counts.completed))
            page.writeStaticString("10:incomplete")
            page.writeBencoded(Int(counts.leechers))
            page.writeStaticString("e")
        }
        page.writeStaticString("ee")
    }

    /// One sentence, with the status 200 that clients expect.
    package static func failed(_ reason: String, to page: inout ByteBuffer) {
        page.writeStaticString("d14:failure reason")
        page.writeBencoded(reason)
        page.writeStaticString("e")
    }
}

extension ByteBuffer {
    fileprivate mutating func writeBencoded(_ number: Int) {
        writeStaticString("i")
        writeDecimal(number)
        writeStaticString("e")
    }

    fileprivate mutating func writeBencoded(_ text: String) {
        writeDecimal(text.utf8.count)
        writeStaticString(":")
        writeString(text)
    }

    fileprivate mutating func writeBencoded(_ bytes: UnsafeRawBufferPointer) {
        writeDecimal(bytes.count)
        writeStaticString(":")
        writeBytes(bytes)
    }

    /// A number that is not negative.
    private mutating func writeDecimal(_ number: Int) {
        var digits: UInt64 = 0
        var count = 0
        var rest = UInt64(max(0, number))
        if rest < 100_000_000 {
            repeat {
                digits = digits >> 8 | (rest % 10 + 48) << 56
                rest /= 10
                count += 1
            } while rest > 0
            writeInteger(digits)
            moveWriterIndex(to: writerIndex - (8 - count))
        } else {
            writeString("\(rest)")
        }
    }
}
