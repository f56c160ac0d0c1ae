import Foundation
import Integrity
package import Vocabulary
package import WebClient

/// A player without a screen: it reads playlists, downloads every segment in order and keeps the books.
package actor Player {
    package struct Segment: Sendable {
        package var sequence: Int
        package var length: Int
        package var digest: Word256
        package var root: Root
    }

    package struct Report: Sendable {
        package var segments: [Segment] = []
        /// Sequence numbers that were skipped, announced as missing, or could not be downloaded.
        package var gaps: [Int] = []
        /// What the playlists did that no playlist may do.
        package var faults: [String] = []
        package var failedRequests = 0
        package var stalls = 0
        package var stalledSeconds = 0.0
        /// From the first request to the first segment.
        package var startUpSeconds: Double?
        package var isEnded = false

        package var bytes: Int { segments.reduce(0) { $0 + $1.length } }
    }

    package private(set) var report = Report()
    private let url: String
    private let client: WebClient
    private let recording: String?
    private let clock = ContinuousClock()
    /// When the picture will freeze unless more media comes; `nil` until it moves.
    private var bufferEnd: ContinuousClock.Instant?
    /// Media gathered while the picture does not move.
    private var gathered = Duration.zero
    private var frozenSince: ContinuousClock.Instant?

    /// - Parameter recording: a file to which the media is appended as it comes.
    package init(_ url: String, client: WebClient, recording: String? = nil) {
        self.url = url
        self.client = client
        self.recording = recording
    }

    /// Plays until the broadcast ends or the task is cancelled.
    package func play() async {
        let start = clock.now
        guard let media = await mediaPlaylistURL() else { return }
        var earlier: Playlist?
        var next: Int?
        while !Task.isCancelled {
            guard let playlist = await playlist(at: media) else {
                await pause(0.5)
                continue
            }
            note(playlist.faults)
            if let earlier { note(playlist.faults(since: earlier)) }
            earlier = playlist
            // RFC 8216, 6.3.3: a client should not start closer than three target durations to the end.
            if next == nil, !playlist.segments.isEmpty {
                next =
                    playlist.isEnded
                    ? playlist.mediaSequence
                    : max(playlist.mediaSequence, playlist.mediaSequence + playlist.segments.count - 3)
            }
            let before = next
            for segment in playlist.segments {
                guard let expected = next, segment.sequence >= expected, !Task.isCancelled else { continue }
                report.gaps += expected..<segment.sequence
                next = segment.sequence + 1
                await download(segment, from: media, since: start)
            }
            if playlist.isEnded {
                report.isEnded = true
                return
            }
            await pause(Double(max(1, playlist.targetDuration)) * (before == next ? 0.25 : 0.5))
        }
    }

    // MARK: Downloading

    private func mediaPlaylistURL() async -> String? {
        while !Task.isCancelled {
            if let master = await playlist(at: url) {
                note(master.faults)
                guard let first = master.variants.first else { return url }
                return Self.resolve(first, against: url)
            }
            await pause(0.25)
        }
        return nil
    }

    private func playlist(at url: String) async -> Playlist? {
        guard let answer = try? await client.get(url, limit: 4 << 20, timeout: .seconds(30)), answer.status == 200
        else {
            if !Task.isCancelled { report.failedRequests += 1 }
            return nil
        }
        return Playlist(parsing: answer.body)
    }

    private func download(_ segment: Playlist.Segment, from base: String, since start: ContinuousClock.Instant) async {
        guard !segment.isGap else { return report.gaps.append(segment.sequence) }
        let url = Self.resolve(segment.uri, against: base)
        for _ in 0..<4 {
            if let answer = try? await client.get(url, limit: 64 << 20, timeout: .seconds(40)), answer.status == 200 {
                keep(answer.body, of: segment, since: start)
                return
            }
            if Task.isCancelled { return }
            report.failedRequests += 1
            await pause(0.5)
        }
        report.gaps.append(segment.sequence)
    }

    private func keep(_ body: [UInt8], of segment: Playlist.Segment, since start: ContinuousClock.Instant) {
        let now = clock.now
        if report.startUpSeconds == nil { report.startUpSeconds = Self.seconds(now - start) }
        play(.seconds(segment.duration), at: now)
        report.segments.append(
            Segment(
                sequence: segment.sequence, length: body.count, digest: SHA256.hash(body),
                root: MerkleTree.root(of: body)))
        if let recording { append(body, to: recording) }
    }

    /// Like players do, waits for a second segment before the picture moves, at the start and after each stall.
    private func play(_ media: Duration, at now: ContinuousClock.Instant) {
        if let end = bufferEnd {
            guard now > end else {
                bufferEnd = end + media
                return
            }
            report.stalls += 1
            (bufferEnd, frozenSince, gathered) = (nil, end, .zero)
        }
        gathered += media
        guard gathered >= media * 1.5 else { return }
        if let frozenSince { report.stalledSeconds += Self.seconds(now - frozenSince) }
        (bufferEnd, frozenSince) = (now + gathered, nil)
    }

    private func append(_ body: [UInt8], to path: String) {
        guard let file = fopen(path, "a") else { return }
        defer { fclose(file) }
        _ = body.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    }

    /// The same fault in every reading of a playlist is told once.
    private func note(_ faults: [String]) {
        for fault in faults where !report.faults.contains(fault) { report.faults.append(fault) }
    }

    private func pause(_ seconds: Double) async { try? await clock.sleep(for: .seconds(seconds)) }

    private static func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

    static func resolve(_ uri: String, against base: String) -> String {
        URL(string: uri, relativeTo: URL(string: base))?.absoluteString ?? uri
    }
}
