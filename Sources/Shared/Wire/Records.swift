package import Vocabulary

extension Record {
    private static let version: Int64 = 1

    /// The bytes that the origin signs and that the next record's `previous` hashes.
    package var bencoded: [UInt8] {
        var fields: [String: Bencode] = [
            "broadcast": .word(broadcast.key),
            "duration": .integer(duration),
            "epoch": .integer(Int64(epoch)),
            "length": .integer(Int64(length)),
            "previous": .word(previous),
            "rendition": .integer(Int64(segment.rendition)),
            "root": .word(root.hash),
            "sequence": .integer(Int64(clamping: segment.sequence)),
            "time": .integer(programTime),
            "version": .integer(Self.version),
        ]
        if isDiscontinuity { fields["discontinuity"] = .integer(1) }
        if isLast { fields["last"] = .integer(1) }
        if isDependent { fields["dependent"] = .integer(1) }
        if let initialization { fields["initialization"] = .word(initialization.hash) }
        return Bencode.dictionary(fields).encoded
    }

    package init(bencoded: [UInt8]) throws(WireError) {
        guard bencoded.count <= Limits.recordLength else {
            throw .oversized(length: bencoded.count, limit: Limits.recordLength)
        }
        let fields = try Bencode.Fields(parsing: bencoded)
        _ = try fields.integer("version", in: Self.version...Self.version)
        let isDiscontinuity = fields.has("discontinuity") ? try fields.integer("discontinuity", in: 1...1) == 1 : false
        let isLast = fields.has("last") ? try fields.integer("last", in: 1...1) == 1 : false
        self.init(
            broadcast: BroadcastID(try fields.word("broadcast")),
            epoch: UInt32(try fields.integer("epoch", in: 0...Int64(UInt32.max))),
            segment: SegmentID(
                rendition: UInt8(try fields.integer("rendition", in: 0...Int64(Limits.renditions - 1))),
                sequence: UInt64(try fields.integer("sequence", in: 0...Limits.sequence))),
            root: Root(try fields.word("root")),
            length: Int(try fields.integer("length", in: 1...Int64(Limits.segmentLength))),
            duration: try fields.integer("duration", in: Limits.duration),
            programTime: try fields.integer("time", in: 0...Limits.unixMilliseconds),
            isDiscontinuity: isDiscontinuity,
            isLast: isLast,
            isDependent: fields.has("dependent") ? try fields.integer("dependent", in: 1...1) == 1 : false,
            initialization: fields.has("initialization") ? Root(try fields.word("initialization")) : nil,
            previous: try fields.word("previous"))
    }
}

extension Head {
    package var bencoded: [UInt8] {
        var fields: [String: Bencode] = [
            "broadcast": .word(broadcast.key),
            "closed": .integer(isClosed ? 1 : 0),
            "newest": .list(newest.map { .bytes($0) }),
            "oldest": .list(oldest.map { .integer(Int64(clamping: $0)) }),
            "target": .integer(Int64(targetDuration)),
            "time": .integer(time),
            "title": .text(title),
        ]
        if !renditions.isEmpty { fields["renditions"] = .list(renditions.map(\.bencode)) }
        return Bencode.dictionary(fields).encoded
    }

    package init(bencoded: [UInt8]) throws(WireError) {
        guard bencoded.count <= Limits.headLength else {
            throw .oversized(length: bencoded.count, limit: Limits.headLength)
        }
        let fields = try Bencode.Fields(parsing: bencoded)
        var newest: [[UInt8]] = []
        for value in try fields.list("newest", limit: Limits.renditions) {
            guard case .bytes(let bytes) = value else { throw .wrongType("newest") }
            newest.append(bytes)
        }
        var oldest: [UInt64] = []
        for value in try fields.list("oldest", limit: Limits.renditions) {
            guard case .integer(let sequence) = value else { throw .wrongType("oldest") }
            guard (0...Limits.sequence).contains(sequence) else { throw .outOfRange("oldest") }
            oldest.append(UInt64(sequence))
        }
        guard oldest.count == newest.count else { throw .outOfRange("oldest") }
        var renditions: [Rendition] = []
        if fields.has("renditions") {
            let list = try fields.list("renditions", limit: Limits.renditions)
            guard !list.isEmpty else { throw .outOfRange("renditions") }
            for value in list { renditions.append(try Rendition(value)) }
        }
        self.init(
            broadcast: BroadcastID(try fields.word("broadcast")),
            time: try fields.integer("time", in: 0...Limits.unixMilliseconds),
            targetDuration: Int(try fields.integer("target", in: 1...60)),
            oldest: oldest,
            newest: newest,
            isClosed: try fields.integer("closed", in: 0...1) == 1,
            title: try fields.text("title", limit: Limits.titleLength),
            renditions: renditions)
    }
}

extension Rendition {
    package var bencode: Bencode {
        .dictionary([
            "average": .integer(Int64(averageBandwidth)),
            "bandwidth": .integer(Int64(bandwidth)),
            "channels": .integer(Int64(channels)),
            "codecs": .list(codecs.map { .text($0) }),
            "height": .integer(Int64(height)),
            "rate": .integer(Int64(framesPerKilosecond)),
            "width": .integer(Int64(width)),
        ])
    }

    package init(_ value: Bencode) throws(WireError) {
        let fields = try Bencode.Fields(value)
        var codecs: [String] = []
        for codec in try fields.list("codecs", limit: 4) {
            guard case .bytes(let bytes) = codec, let text = String(validating: bytes, as: UTF8.self),
                Rendition.isCodec(text)
            else { throw .outOfRange("codecs") }
            codecs.append(text)
        }
        self.init(
            bandwidth: Int(try fields.integer("bandwidth", in: 0...(1 << 40))),
            averageBandwidth: Int(try fields.integer("average", in: 0...(1 << 40))), codecs: codecs,
            width: Int(try fields.integer("width", in: 0...65_535)),
            height: Int(try fields.integer("height", in: 0...65_535)),
            framesPerKilosecond: Int(try fields.integer("rate", in: 0...10_000_000)),
            channels: Int(try fields.integer("channels", in: 0...255)))
    }
}

/// The answer to a request for a range of records: each sealed record with the hashes of its segment's pieces.
package struct RecordsAnswer: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package var record: [UInt8]
        package var leaves: [Word256]

        package init(record: [UInt8], leaves: [Word256]) {
            self.record = record
            self.leaves = leaves
        }
    }

    package var entries: [Entry]

    package init(entries: [Entry]) { self.entries = entries }

    package init(parsing bytes: [UInt8]) throws(WireError) {
        guard bytes.count <= Limits.recordsLength else {
            throw .oversized(length: bytes.count, limit: Limits.recordsLength)
        }
        let fields = try Bencode.Fields(parsing: bytes)
        entries = []
        for value in try fields.list("records", limit: Limits.recordsPerAnswer) {
            let entry = try Bencode.Fields(value)
            let hashes = try entry.bytes("leaves", limit: Limits.piecesPerSegment * 32)
            entries.append(
                Entry(
                    record: try entry.bytes("record", limit: Limits.recordLength + 64),
                    leaves: try LeafHashes.parse(hashes)))
        }
    }

    package var encoded: [UInt8] {
        let list = entries.map { entry in
            Bencode.dictionary(["record": .bytes(entry.record), "leaves": .bytes(entry.leaves.flatMap(\.bytes))])
        }
        return Bencode.dictionary(["records": .list(list)]).encoded
    }
}

/// Leaf hashes one after the other, 32 bytes each.
package enum LeafHashes {
    package static func parse(_ bytes: [UInt8]) throws(WireError) -> [Word256] {
        guard bytes.count % 32 == 0 else { throw .truncated }
        var leaves: [Word256] = []
        leaves.reserveCapacity(bytes.count / 32)
        for start in stride(from: 0, to: bytes.count, by: 32) {
            guard let leaf = Word256(bytes[start..<start + 32]) else { throw .truncated }
            leaves.append(leaf)
        }
        return leaves
    }
}
