package import Vocabulary

extension Listing {
    /// Bytes of one signed listing.
    package static let lengthLimit = 4_096

    package var bencoded: [UInt8] {
        Bencode.dictionary([
            "broadcast": .word(broadcast.key),
            "hls": .text(hls),
            "newest": .integer(Int64(clamping: newest)),
            "roots": .list(roots.map { .word($0.hash) }),
            "started": .integer(started),
            "status": .text(status.rawValue),
            "target": .integer(Int64(targetDuration)),
            "time": .integer(time),
            "title": .text(title),
        ]).encoded
    }

    package init(bencoded: [UInt8]) throws(WireError) {
        guard bencoded.count <= Self.lengthLimit else {
            throw .oversized(length: bencoded.count, limit: Self.lengthLimit)
        }
        let fields = try Bencode.Fields(parsing: bencoded)
        var roots: [Root] = []
        for value in try fields.list("roots", limit: Announcement.rootLimit) {
            guard case .bytes(let bytes) = value, let hash = Word256(bytes) else { throw .wrongType("roots") }
            roots.append(Root(hash))
        }
        guard let status = Status(rawValue: try fields.text("status", limit: 16)) else { throw .outOfRange("status") }
        let hls = try fields.text("hls", limit: 1_024)
        guard hls.hasPrefix("http://") || hls.hasPrefix("https://"), hls.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
        else { throw .outOfRange("hls") }
        self.init(
            broadcast: BroadcastID(try fields.word("broadcast")),
            time: try fields.integer("time", in: 0...Limits.unixMilliseconds),
            title: try fields.text("title", limit: Limits.titleLength),
            status: status,
            targetDuration: Int(try fields.integer("target", in: 1...60)),
            hls: hls,
            started: try fields.integer("started", in: 0...Limits.unixMilliseconds),
            newest: UInt64(try fields.integer("newest", in: 0...Limits.sequence)),
            roots: roots)
    }
}
