extension MediaReading {
    private static let packetLength = 188

    /// A segment of MPEG-TS (ISO/IEC 13818-1), which must begin with its PAT and PMT.
    init(transport bytes: [UInt8]) {
        self.init()
        read(transport: bytes)
    }

    private mutating func read(transport bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.count % Self.packetLength == 0 else {
            return fault("\(bytes.count) bytes are no row of 188-byte packets")
        }
        var table: Int?
        var streams: [Int: Stream] = [:]
        var hasEarlyMedia = false
        var counters: [Int: (first: Int, last: Int)] = [:]
        for start in stride(from: 0, to: bytes.count, by: Self.packetLength) {
            guard bytes[start] == 0x47 else { return fault("packet \(start / Self.packetLength) has no sync byte") }
            let identifier = Int(bytes[start + 1] & 0x1f) << 8 | Int(bytes[start + 2])
            // Other tables may come before; media may not.
            if streams.isEmpty, !hasEarlyMedia, identifier >= 0x20, identifier != 0x1fff, identifier != table {
                hasEarlyMedia = true
                fault("it does not begin with its PAT and PMT")
            }
            let hasPayload = bytes[start + 3] & 0x10 != 0
            var payload = start + 4
            if bytes[start + 3] & 0x20 != 0 { payload += Int(bytes[start + 4]) + 1 }
            guard payload <= start + Self.packetLength else {
                fault("packet \(start / Self.packetLength) has an adaptation field longer than itself")
                continue
            }
            guard hasPayload, identifier != 0x1fff else { continue }
            let counter = Int(bytes[start + 3] & 15)
            if let known = counters[identifier] {
                // A packet may come twice.
                if counter != (known.last + 1) & 15, counter != known.last {
                    fault("the counter of packet identifier \(identifier) went from \(known.last) to \(counter)")
                }
                counters[identifier] = (known.first, counter)
            } else {
                counters[identifier] = (counter, counter)
            }
            let content = bytes[payload..<start + Self.packetLength]
            let isStart = bytes[start + 1] & 0x40 != 0
            if identifier == 0, isStart {
                table = Self.program(in: content) ?? table
            } else if identifier == table, isStart {
                for (number, type) in Self.streams(in: content) where streams[number] == nil {
                    streams[number] = Stream(type)
                }
            } else if streams[identifier] != nil {
                streams[identifier]?.take(content, isStart: isStart)
            }
        }
        if streams.isEmpty { fault("it holds no stream") }
        for (number, stream) in streams.sorted(by: { $0.key < $1.key }) {
            guard let start = stream.firstTime else { continue }
            tracks.append(
                Track(
                    number: number, kind: stream.kind, timescale: 90_000, start: start,
                    decodeStart: stream.firstDecodeTime ?? start,
                    decodeEnd: nil, samples: stream.count, beginsWithKeyframe: stream.beginsWithKeyframe,
                    counters: counters[number]))
        }
        if !streams.isEmpty, tracks.isEmpty { fault("no stream has a timestamp") }
    }

    /// The sections of a table, without their pointer field and down to their checksum.
    private static func section(in payload: ArraySlice<UInt8>, table: UInt8) -> ArraySlice<UInt8>? {
        guard let pointer = payload.first else { return nil }
        let section = payload.dropFirst(1 + Int(pointer))
        guard section.count >= 12, section[section.startIndex] == table else { return nil }
        let length = Int(section[section.startIndex + 1] & 0x0f) << 8 | Int(section[section.startIndex + 2])
        guard length >= 9, length + 3 <= section.count else { return nil }
        return section.prefix(length + 3 - 4)
    }

    private static func program(in payload: ArraySlice<UInt8>) -> Int? {
        guard let section = section(in: payload, table: 0) else { return nil }
        var entries = section.dropFirst(8)
        while entries.count >= 4 {
            let entry = Array(entries.prefix(4))
            if entry[0] != 0 || entry[1] != 0 { return Int(entry[2] & 0x1f) << 8 | Int(entry[3]) }
            entries = entries.dropFirst(4)
        }
        return nil
    }

    private static func streams(in payload: ArraySlice<UInt8>) -> [(number: Int, type: UInt8)] {
        guard let section = section(in: payload, table: 2), section.count >= 12 else { return [] }
        let head = Array(section.prefix(12))
        var entries = section.dropFirst(12 + (Int(head[10] & 0x0f) << 8 | Int(head[11])))
        var streams: [(number: Int, type: UInt8)] = []
        while entries.count >= 5 {
            let entry = Array(entries.prefix(5))
            streams.append((Int(entry[1] & 0x1f) << 8 | Int(entry[2]), entry[0]))
            entries = entries.dropFirst(5 + (Int(entry[3] & 0x0f) << 8 | Int(entry[4])))
        }
        return streams
    }

    private struct Stream {
        let type: UInt8
        let kind: Track.Kind
        var firstTime: Int64?
        var firstDecodeTime: Int64?
        var count = 0
        /// The last bytes of the first picture's payload so far, to find start codes that packets split.
        private var window: UInt32 = 0xffff_ffff
        private var units: [UInt8] = []

        init(_ type: UInt8) {
            self.type = type
            kind =
                switch type {
                case 0x1b, 0x24: .video
                case 0x03, 0x04, 0x0f, 0x11, 0x81, 0x87: .audio
                default: .other
                }
        }

        var beginsWithKeyframe: Bool {
            guard kind == .video else { return true }
            if type == 0x24 {
                // Picture units are those below 32; 16 to 21 can be decoded by themselves (H.265, table 7-1).
                return units.lazy.map { $0 >> 1 & 0x3f }.first { $0 < 32 }.map { (16...21).contains($0) } ?? false
            }
            return units.lazy.map { $0 & 0x1f }.first { (1...5).contains($0) } == 5
        }

        mutating func take(_ content: ArraySlice<UInt8>, isStart: Bool) {
            var content = content
            if isStart {
                count += 1
                let head = Array(content.prefix(19))
                guard head.count >= 9, head[0] == 0, head[1] == 0, head[2] == 1 else { return }
                if firstTime == nil, head[7] & 0x80 != 0, head.count >= 14 {
                    firstTime = Self.time(head[9..<14])
                    firstDecodeTime = head[7] & 0x40 != 0 && head.count >= 19 ? Self.time(head[14..<19]) : firstTime
                }
                content = content.dropFirst(9 + Int(head[8]))
            }
            guard kind == .video, count == 1, units.count < 64 else { return }
            for byte in content {
                if window & 0xff_ffff == 1 { units.append(byte) }
                window = window << 8 | UInt32(byte)
            }
        }

        private static func time(_ bytes: ArraySlice<UInt8>) -> Int64 {
            let time = bytes.map { Int64($0) }
            return (time[0] >> 1 & 7) << 30 | time[1] << 22 | (time[2] >> 1) << 15 | time[3] << 7 | time[4] >> 1
        }
    }
}
