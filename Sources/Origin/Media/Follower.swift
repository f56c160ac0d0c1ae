import CLibAVFormat

/// Cuts a rendition where the source was cut: its packets come later, or from elsewhere.
///
/// Packets of its first track lead; sound that comes with pictures is woven in by its times.
final class Follower {
    private let tracks: [Track]
    private let container: Container
    let offset: Int64
    /// How much earlier than the source's cut a segment may begin, in 1/90000 s.
    private let tolerance: Int64
    private var cuts: [(row: Int, time: Int64)] = []
    private var current: Int?
    private var sound: [KeptPacket] = []
    private var lastTime = Int64.min
    /// How long after its decoding the first of the segment is shown.
    private var delay: Int64 = 0
    private var muxer: Muxer?
    /// Segments that are complete; without media where nothing came in time.
    private(set) var finished: [(row: Int, media: CutSegment.Media?)] = []

    init(_ tracks: [Track], container: Container, offset: Int64) {
        self.tracks = tracks
        self.container = container
        self.offset = offset
        tolerance = tracks.first?.isVideo == true ? 90 : 960
    }

    /// The source begins a segment at `time`.
    func begin(_ row: Int, at time: Int64) { cuts.append((row, time)) }

    /// Where the next segment begins for which nothing has come yet.
    var due: Int64? { cuts.first?.time }

    func take() -> [(row: Int, media: CutSegment.Media?)] {
        defer { finished = [] }
        return finished
    }

    /// Takes a packet of the first track; it is consumed.
    func lead(_ kept: KeptPacket) throws(MediaError) {
        let packet = kept.packet
        defer { withExtendedLifetime(kept) {} }
        // An encoder's times may collide where the source's did not.
        if packet.pointee.dts <= lastTime {
            packet.pointee.dts = lastTime + 1
            packet.pointee.pts = max(packet.pointee.pts, packet.pointee.dts)
        }
        lastTime = packet.pointee.dts
        while let cut = cuts.first, packet.pointee.pts >= cut.time - tolerance {
            try weave(before: cut.time)
            if let row = current { finished.append((row, try close(before: packet.pointee.dts))) }
            current = cut.row
            delay = packet.pointee.pts - packet.pointee.dts
            cuts.removeFirst()
        }
        guard current != nil else { return }
        try weave(before: packet.pointee.dts + 1)
        try write(packet, to: 0)
    }

    /// Takes a packet of the second track.
    func accompany(_ packet: UnsafeMutablePointer<AVPacket>) {
        // Without anything to go with, sound must not pile up.
        if sound.count >= 4_096 { sound.removeFirst(1_024) }
        sound.append(KeptPacket(packet))
    }

    /// What goes with the first track.
    var accompanying: [Track] { Array(tracks.dropFirst()) }

    /// The segment that is being written ends before `time`, and what follows belongs to none until another begins.
    ///
    /// - Parameter end: how long what is shown last stands, where that is known.
    func leave(before time: Int64, standingUntil end: Int64? = nil) throws(MediaError) {
        try weave(before: time)
        guard let row = current else { return }
        let isEmpty = muxer?.length ?? 0 == 0
        let media = try muxer?.finish(at: end.map { $0 - delay })
        finished.append((row, isEmpty ? nil : media))
        current = nil
        muxer = nil
    }

    /// The last segment ends here.
    func finish(at end: Int64? = nil) throws(MediaError) {
        try leave(before: .max, standingUntil: end)
        finished += cuts.map { ($0.row, nil) }
        cuts = []
    }

    private func weave(before time: Int64) throws(MediaError) {
        while let next = sound.first, next.packet.pointee.dts < time {
            sound.removeFirst()
            // What came before the first segment belongs to none.
            if current != nil { try write(next.packet, to: 1) }
            withExtendedLifetime(next) {}
        }
    }

    private func write(_ packet: UnsafeMutablePointer<AVPacket>, to stream: Int) throws(MediaError) {
        let muxer: Muxer
        if let known = self.muxer {
            muxer = known
        } else {
            muxer = try Muxer(tracks, container: container, offset: offset)
            self.muxer = muxer
        }
        try muxer.write(packet, to: stream)
    }

    private func close(before time: Int64) throws(MediaError) -> CutSegment.Media? {
        guard let muxer, muxer.length > 0 else { return nil }
        return try muxer.cut(before: time)
    }
}
