package import Vocabulary

extension Listing {
    /// Bytes of one signed listing.
    package static let lengthLimit = 8_192

    package var bencoded: [UInt8] {
        var fields: [String: Bencode] = [
            "broadcast": .word(broadcast.key),
            "hls": .text(hls),
            "newest": .integer(Int64(clamping: newest)),
            "roots": .list(roots.map { .word($0.hash) }),
            "started": .integer(started),
            "status": .text(status.rawValue),
            "target": .integer(Int64(targetDuration)),
            "time": .integer(time),
            "title": .text(title),
        ]
        if !details.description.isEmpty { fields["description"] = .text(details.description) }
        if !details.language.isEmpty { fields["language"] = .text(details.language) }
        if !details.thumbnail.isEmpty { fields["thumbnail"] = .text(details.thumbnail) }
        if !details.tags.isEmpty { fields["tags"] = .list(details.tags.map { .text($0) }) }
        if !renditions.isEmpty { fields["renditions"] = .list(renditions.map(\.bencode)) }
        return Bencode.dictionary(fields).encoded
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
        var renditions: [Rendition] = []
        if fields.has("renditions") {
            for value in try fields.list("renditions", limit: Limits.renditions) {
                renditions.append(try Rendition(value))
            }
        }
        self.init(
            broadcast: BroadcastID(try fields.word("broadcast")),
            time: try fields.integer("time", in: 0...Limits.unixMilliseconds),
            title: try fields.text("title", limit: Limits.titleLength),
            status: status,
            targetDuration: Int(try fields.integer("target", in: 1...60)),
            hls: try fields.address("hls"),
            started: try fields.integer("started", in: 0...Limits.unixMilliseconds),
            newest: UInt64(try fields.integer("newest", in: 0...Limits.sequence)),
            roots: roots,
            details: try Details(fields),
            renditions: renditions)
    }
}

extension Listing.Details {
    fileprivate init(_ fields: Bencode.Fields) throws(WireError) {
        self.init()
        if fields.has("description") { description = try fields.text("description", limit: Limits.descriptionLength) }
        if fields.has("thumbnail") { thumbnail = try fields.address("thumbnail") }
        if fields.has("language") {
            language = try fields.text("language", limit: Limits.languageLength)
            guard Self.isLanguage(language) else { throw .outOfRange("language") }
        }
        guard fields.has("tags") else { return }
        for value in try fields.list("tags", limit: Limits.tags) {
            tags.append(try Bencode.Fields(.dictionary(["tag": value])).text("tag", limit: Limits.tagLength))
        }
        guard tags.allSatisfy({ !$0.isEmpty }), Set(tags).count == tags.count else { throw .outOfRange("tags") }
    }

    /// Letters and digits in parts of one to eight, with hyphens between (BCP 47's shape).
    package static func isLanguage(_ text: String) -> Bool {
        text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).allSatisfy { part in
            (1...8).contains(part.count)
                && part.allSatisfy { byte in
                    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                }
        }
    }
}

extension Listing.Rendition {
    fileprivate var bencode: Bencode {
        .dictionary([
            "bandwidth": .integer(Int64(bandwidth)), "height": .integer(Int64(height)),
            "width": .integer(Int64(width)),
        ])
    }

    fileprivate init(_ value: Bencode) throws(WireError) {
        let fields = try Bencode.Fields(value)
        self.init(
            width: Int(try fields.integer("width", in: 0...Limits.pixels)),
            height: Int(try fields.integer("height", in: 0...Limits.pixels)),
            bandwidth: Int(try fields.integer("bandwidth", in: 0...Limits.bitsPerSecond)))
    }
}

extension Bencode.Fields {
    /// An http(s) address in visible ASCII.
    fileprivate func address(_ key: String) throws(WireError) -> String {
        let url = try text(key, limit: Limits.urlLength)
        guard url.hasPrefix("http://") || url.hasPrefix("https://"), url.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
        else { throw .outOfRange(key) }
        return url
    }
}
