package import NIOCore
package import Vocabulary

/// What the player sees of the broadcast: a playlist that only ever grows at its end and shrinks at its start.
///
/// It is made from verified records alone. While there is no news it stays as it is: the last good playlist.
package struct Programme {
    package private(set) var playlist: MediaPlaylist?
    /// Bits per second of the fullest segment so far, and on average.
    package private(set) var peakBandwidth = 0
    package private(set) var averageBandwidth = 0

    private var epoch: UInt32 = 0
    /// Discontinuities of programmes that are over.
    private var pastDiscontinuities: UInt64 = 0
    private var targetDuration = 1
    private var bytes = 0
    private var microseconds: Int64 = 0
    private var counted: UInt64?
    private var hole: (after: UInt64, since: NIODeadline)?

    /// How long a record may be late before its segment is given up as a gap, so that what follows can play.
    private static let patience = TimeAmount.seconds(4)
    /// More missing segments than this are not listed as a gap: the playlist begins anew behind them.
    private static let widestGap: UInt64 = 16

    package init() {}

    /// Takes the records that may be listed, oldest first. `end` is the last sequence number of a closed broadcast.
    ///
    /// - Parameter shared: whose discontinuity numbers are gone on from: renditions must agree on them (RFC 8216, section
    ///   4.3.3.3).
    package mutating func update(
        _ listed: [Record], targetDuration: Int, end: UInt64?, at now: NIODeadline, inStepWith shared: Programme? = nil
    ) {
        guard let first = listed.first else { return }
        if first.epoch > epoch {
            epoch = first.epoch
            pastDiscontinuities = discontinuities(before: .max)
            playlist = nil
        }
        let floor = playlist?.mediaSequence ?? 0
        let listed = listed.filter { $0.segment.sequence >= floor }
        guard let first = listed.first else { return }
        measure(listed)

        var segments: [MediaPlaylist.Segment] = []
        var start = first.segment.sequence
        var next = start
        for record in listed {
            let sequence = record.segment.sequence
            if sequence > next {
                if hole?.after != next { hole = (next, now) }
                guard let hole, now - hole.since >= Self.patience else { break }
                if sequence - next > Self.widestGap {
                    // A player is better off at the live edge than with minutes of nothing.
                    segments = []
                    start = sequence
                } else {
                    segments += (next..<sequence).map { Self.gap($0, before: record) }
                }
            }
            segments.append(
                MediaPlaylist.Segment(
                    record, uri: Self.uri(of: record, sequence),
                    map: record.initialization.map { "../segments/\($0).mp4" }))
            next = sequence + 1
        }
        let longest = segments.map { ($0.duration + 500_000) / 1_000_000 }.max() ?? 1
        self.targetDuration = max(self.targetDuration, targetDuration, Int(longest))
        let isEnded = listed.last.map { $0.isLast || end == $0.segment.sequence } ?? false
        playlist = MediaPlaylist(
            targetDuration: self.targetDuration, mediaSequence: start,
            discontinuitySequence: playlist == nil && shared != nil
                ? shared?.discontinuities(before: start) ?? 0 : discontinuities(before: start), segments: segments,
            isEnded: isEnded && next == listed[listed.count - 1].segment.sequence + 1)
    }

    /// Stands for a segment whose record never came; it is taken to be as long as the one after the hole.
    private static func gap(_ sequence: UInt64, before record: Record) -> MediaPlaylist.Segment {
        let distance = Int64(record.segment.sequence - sequence)
        return MediaPlaylist.Segment(
            uri: uri(of: record, sequence), duration: record.duration,
            programTime: max(0, record.programTime - distance * record.duration / 1_000), isMissing: true,
            map: record.initialization.map { "../segments/\($0).mp4" })
    }

    private static func uri(of record: Record, _ sequence: UInt64) -> String {
        "\(sequence).\(record.initialization == nil ? "ts" : "m4s")"
    }

    /// How many discontinuities have left the playlist once it begins at `sequence`.
    private func discontinuities(before sequence: UInt64) -> UInt64 {
        guard let playlist else { return pastDiscontinuities }
        let count = sequence > playlist.mediaSequence ? sequence - playlist.mediaSequence : 0
        let gone = playlist.segments.prefix(Int(clamping: count))
        return playlist.discontinuitySequence + UInt64(gone.count { $0.isDiscontinuity })
    }

    private mutating func measure(_ records: [Record]) {
        for record in records where record.segment.sequence > counted ?? 0 || counted == nil {
            counted = record.segment.sequence
            bytes += record.length
            microseconds += record.duration
            let rate = Double(record.length) * 8 / (Double(record.duration) / 1e6)
            peakBandwidth = max(peakBandwidth, Int(rate.rounded(.up)))
        }
        if microseconds > 0 { averageBandwidth = Int(Double(bytes) * 8 / (Double(microseconds) / 1e6)) }
    }

    /// The multivariant playlist, for players that begin with one.
    package func master(rendition: UInt8) -> String {
        """
        #EXTM3U
        #EXT-X-VERSION:3
        #EXT-X-STREAM-INF:BANDWIDTH=\(max(1, peakBandwidth)),AVERAGE-BANDWIDTH=\(max(1, averageBandwidth))
        \(rendition)/index.m3u8

        """
    }
}
