/// Boxes of the ISO base media file format (ISO/IEC 14496-12) within a slice.
private struct Boxes: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>
    private(set) var isMalformed = false

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() -> (type: String, content: ArraySlice<UInt8>)? {
        guard !rest.isEmpty, !isMalformed else { return nil }
        guard let size = rest.number(at: 0, 4), let name = rest.bytes(at: 4, 4) else {
            isMalformed = true
            return nil
        }
        var header = 8
        var length = size
        if size == 1 {
            guard let large = rest.number(at: 8, 8) else {
                isMalformed = true
                return nil
            }
            (header, length) = (16, large)
        } else if size == 0 {
            length = rest.count
        }
        guard length >= header, length <= rest.count else {
            isMalformed = true
            return nil
        }
        defer { rest = rest.dropFirst(length) }
        return (String(decoding: name, as: UTF8.self), rest.prefix(length).dropFirst(header))
    }
}

extension ArraySlice<UInt8> {
    fileprivate func bytes(at offset: Int, _ count: Int) -> ArraySlice<UInt8>? {
        guard offset >= 0, offset <= self.count - count else { return nil }
        return self[startIndex + offset..<startIndex + offset + count]
    }

    /// A big-endian number; `nil` beyond the end, and for what does not fit.
    fileprivate func number(at offset: Int, _ count: Int) -> Int? {
        guard let bytes = bytes(at: offset, count) else { return nil }
        let value = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Int(exactly: value)
    }

    fileprivate func child(_ type: String) -> ArraySlice<UInt8>? { Boxes(self).first { $0.type == type }?.content }
}

/// What an initialization section says of its tracks.
package struct InitializationReading: Sendable {
    struct Track: Sendable {
        var number: Int
        var kind: MediaReading.Track.Kind
        var timescale: Int
        var defaultDuration = 0
        var defaultFlags = 0
    }

    var tracks: [Track] = []
    package private(set) var faults: [String] = []

    package init(_ bytes: [UInt8]) {
        var boxes = Boxes(bytes[...])
        var types: [String] = []
        while let box = boxes.next() {
            types.append(box.type)
            if box.type == "moov" { read(movie: box.content) }
        }
        if boxes.isMalformed { faults.append("its boxes are torn") }
        if types.first != "ftyp" { faults.append("it does not begin with ftyp") }
        if !types.contains("moov") { faults.append("it has no moov") }
        if types.contains("mdat") || types.contains("moof") { faults.append("it holds media") }
        if tracks.isEmpty { faults.append("it describes no track") }
    }

    private mutating func read(movie: ArraySlice<UInt8>) {
        for box in Boxes(movie) where box.type == "trak" && tracks.count < 16 {
            guard let header = box.content.child("tkhd"), let media = box.content.child("mdia"),
                let times = media.child("mdhd"), let handler = media.child("hdlr")?.bytes(at: 8, 4),
                let number = header.number(at: header.first == 1 ? 20 : 12, 4),
                let timescale = times.number(at: times.first == 1 ? 20 : 12, 4), timescale > 0
            else {
                faults.append("a track lacks its headers")
                continue
            }
            let kind: MediaReading.Track.Kind =
                switch String(decoding: handler, as: UTF8.self) {
                case "vide": .video
                case "soun": .audio
                default: .other
                }
            tracks.append(Track(number: number, kind: kind, timescale: timescale))
        }
        guard let extends = movie.child("mvex") else {
            return faults.append("it has no mvex, so nothing may follow it")
        }
        for box in Boxes(extends) where box.type == "trex" {
            guard let number = box.content.number(at: 4, 4),
                let place = tracks.firstIndex(where: { $0.number == number })
            else { continue }
            tracks[place].defaultDuration = box.content.number(at: 12, 4) ?? 0
            tracks[place].defaultFlags = box.content.number(at: 20, 4) ?? 0
        }
    }
}

extension MediaReading {
    /// The flag of samples that cannot be decoded by themselves (section 8.8.3.1).
    private static let isNonSync = 0x1_0000
    /// Ticks beyond which no arithmetic is safe or sensible.
    private static let latest = 1 << 60

    /// Movie fragments, each a moof and its mdat.
    init(fragments bytes: [UInt8], _ initialization: InitializationReading) {
        self.init()
        var boxes = Boxes(bytes[...])
        var isInFragment = false
        var count = 0
        while let box = boxes.next() {
            switch box.type {
            case "moof":
                if isInFragment { fault("a moof has no mdat") }
                isInFragment = true
                count += 1
                read(fragment: box.content, initialization)
            case "mdat":
                if !isInFragment { fault("an mdat has no moof") }
                isInFragment = false
            case "styp", "sidx", "prft", "emsg", "free", "skip": break
            default: fault("a \(box.type.filter { $0.isASCII }) box does not belong into a segment")
            }
        }
        if boxes.isMalformed { fault("its boxes are torn") }
        if isInFragment { fault("a moof has no mdat") }
        if count == 0 { fault("it holds no fragment") }
    }

    private mutating func read(fragment: ArraySlice<UInt8>, _ initialization: InitializationReading) {
        for box in Boxes(fragment) where box.type == "traf" {
            guard let header = box.content.child("tfhd"), let flags = header.number(at: 0, 4),
                let number = header.number(at: 4, 4)
            else {
                fault("a traf has no tfhd")
                continue
            }
            guard let known = initialization.tracks.first(where: { $0.number == number }) else {
                fault("track \(number) is not in the initialization section")
                continue
            }
            guard let times = box.content.child("tfdt"), let start = times.number(at: 4, times.first == 1 ? 8 : 4),
                start < Self.latest
            else {
                fault("track \(number) has no tfdt")
                continue
            }
            var place = 8
            if flags & 1 != 0 { place += 8 }
            if flags & 2 != 0 { place += 4 }
            var duration = known.defaultDuration
            if flags & 8 != 0 {
                duration = header.number(at: place, 4) ?? 0
                place += 4
            }
            if flags & 0x10 != 0 { place += 4 }
            let sampleFlags = flags & 0x20 != 0 ? header.number(at: place, 4) ?? 0 : known.defaultFlags
            var runs = Runs(next: start, duration: duration, flags: sampleFlags)
            for run in Boxes(box.content) where run.type == "trun" {
                if !runs.add(run.content) { fault("a trun of track \(number) is torn") }
            }
            note(number, known, start, runs)
        }
    }

    private mutating func note(_ number: Int, _ known: InitializationReading.Track, _ start: Int, _ runs: Runs) {
        guard runs.count > 0 else { return }
        if let place = tracks.firstIndex(where: { $0.number == number }) {
            if tracks[place].decodeEnd != Int64(start) {
                fault("the fragments of track \(number) do not follow each other")
            }
            tracks[place].decodeEnd = Int64(runs.next)
            tracks[place].samples += runs.count
            tracks[place].shown = max(tracks[place].shown ?? 0, Int64(runs.latest) - tracks[place].start)
            tracks[place].longest = max(tracks[place].longest, Int64(runs.longest))
        } else {
            tracks.append(
                Track(
                    number: number, kind: known.kind, timescale: known.timescale,
                    start: Int64(start + runs.firstOffset),
                    decodeStart: Int64(start), decodeEnd: Int64(runs.next), samples: runs.count,
                    shown: Int64(runs.latest - runs.earliest), longest: Int64(runs.longest),
                    beginsWithKeyframe: known.kind != .video || runs.firstFlags & Self.isNonSync == 0, counters: nil))
        }
    }

    /// The samples of one track's fragment (section 8.8.8).
    private struct Runs {
        var next: Int
        let duration: Int
        let flags: Int
        var count = 0
        var firstFlags = 0
        var firstOffset = 0
        var earliest = Int.max
        var latest = 0
        var longest = 0

        init(next: Int, duration: Int, flags: Int) {
            self.next = next
            self.duration = duration
            self.flags = flags
        }

        mutating func add(_ run: ArraySlice<UInt8>) -> Bool {
            guard let head = run.number(at: 0, 4), let samples = run.number(at: 4, 4) else { return false }
            var place = 8
            if head & 1 != 0 { place += 4 }
            var first: Int?
            if head & 4 != 0 {
                first = run.number(at: place, 4)
                place += 4
            }
            let fields = [0x100, 0x200, 0x400, 0x800].map { head & $0 != 0 }
            let width = fields.count { $0 } * 4
            guard samples <= 1 << 20, width == 0 || samples <= (run.count - min(place, run.count)) / width else {
                return false
            }
            for index in 0..<samples {
                var field = place + index * width
                func take(_ isThere: Bool) -> Int? {
                    guard isThere else { return nil }
                    defer { field += 4 }
                    return run.number(at: field, 4)
                }
                let length = take(fields[0]) ?? duration
                _ = take(fields[1])
                let flags = take(fields[2]) ?? self.flags
                let offset = take(fields[3]) ?? 0
                let shift = head >> 24 == 1 ? Int(Int32(truncatingIfNeeded: offset)) : offset
                if count == 0 {
                    firstFlags = first ?? flags
                    firstOffset = shift
                }
                earliest = min(earliest, next + shift)
                latest = max(latest, next + shift + length)
                longest = max(longest, length)
                count += 1
                next += length
                guard next < 1 << 61 else { return false }
            }
            return true
        }
    }
}
