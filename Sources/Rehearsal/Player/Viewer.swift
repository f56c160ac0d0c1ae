import Foundation
import Glibc
import Integrity
import Stage
import Synchronization
package import Vocabulary

/// A player without a screen, watched from outside: nothing that it tells was told by who serves it.
///
/// It reads the playlist, begins three segments before its end (RFC 8216, 6.3.3) and asks for every segment in order.
package final class Viewer: Sendable {
    package struct Arrival: Hashable, Sendable {
        package var sequence: Int
        /// As the playlist says.
        package var duration: Interval
        package var length: Int
        package var digest: Word256
        package var asked: Instant
        package var whole: Instant
    }

    package struct Record: Sendable {
        /// When it asked for the first playlist.
        package var began: Instant?
        /// When enough of the first segment was there to show a picture.
        package var firstPicture: Instant?
        package var arrivals: [Arrival] = []
        /// Bytes of segments so far, whole or not.
        package var received = 0
        /// Sequence numbers that were skipped, announced as missing or not to be had.
        package var skipped: [Int] = []
        package var failures: [String: Int] = [:]
        package var cpu = Interval.zero
        package var isDone = false
    }

    private struct State {
        var record = Record()
        var isStopped = false
    }

    /// Of the first segment: a player has decoded its first picture when so much of it has come.
    private static let pictureLength = PieceID.front * PieceID.length
    private static let startDepth = 3
    private static let patience = Interval.seconds(30)
    private static let attempts = 4

    private let state = Mutex(State())
    private let url: String
    private let makeSocket: @Sendable () -> Int32

    /// - Parameters:
    ///   - url: of a multivariant or a media playlist, by IPv4 address.
    ///   - socket: makes a TCP socket in the viewer's network.
    package init(_ url: String, socket: @escaping @Sendable () -> Int32) {
        self.url = url
        makeSocket = socket
        let thread = Thread { [self] in watch() }
        thread.stackSize = 512 << 10
        thread.start()
    }

    package var record: Record { state.withLock { $0.record } }

    /// Lets it end soon; `record.isDone` when it has.
    package func stop() { state.withLock { $0.isStopped = true } }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    // MARK: The thread

    private func watch() {
        state.withLock { $0.record.began = .now }
        let connection = WebConnection(patience: Self.patience, isStopped: { self.isStopped }, socket: makeSocket)
        if let media = mediaPlaylist(connection) { follow(media, connection) }
        let spent = Self.threadTime
        state.withLock {
            $0.record.cpu = spent
            $0.record.isDone = true
        }
    }

    private func mediaPlaylist(_ connection: WebConnection) -> String? {
        while !isStopped {
            if let master = playlist(url, connection) {
                return master.variants.first.map { Self.resolve($0, against: url) } ?? url
            }
            pause(.milliseconds(100))
        }
        return nil
    }

    private func follow(_ media: String, _ connection: WebConnection) {
        var next: Int?
        while !isStopped {
            let asked = Instant.now
            guard let playlist = playlist(media, connection) else {
                pause(.milliseconds(250))
                continue
            }
            let end = playlist.mediaSequence + playlist.segments.count
            if next == nil, !playlist.segments.isEmpty { next = max(playlist.mediaSequence, end - Self.startDepth) }
            let before = next
            for segment in playlist.segments {
                guard let expected = next, segment.sequence >= expected, !isStopped else { continue }
                skip(expected..<segment.sequence)
                next = segment.sequence + 1
                take(segment, at: Self.resolve(segment.uri, against: media), connection)
            }
            if playlist.isEnded { return }
            // News is due a segment's duration after the last: a player that looks a little before sees it early.
            let isNews = next != before
            let target = Double(max(1, playlist.targetDuration))
            let until = asked + .seconds(isNews ? target * 0.6 : min(0.25, target / 8))
            pause(until - .now)
        }
    }

    private func playlist(_ url: String, _ connection: WebConnection) -> Playlist? {
        do {
            let answer = try connection.get(url)
            if answer.status == 200 { return Playlist(parsing: answer.body) }
            fail("playlist \(answer.status)")
        } catch {
            fail("playlist: \(error.description)")
        }
        return nil
    }

    private func take(_ segment: Playlist.Segment, at url: String, _ connection: WebConnection) {
        guard !segment.isGap else { return skip(segment.sequence..<segment.sequence + 1) }
        let asked = Instant.now
        for _ in 0..<Self.attempts where !isStopped {
            var body: [UInt8] = []
            body.reserveCapacity(4 << 20)
            do {
                let status = try connection.get(url) { part in
                    body.append(contentsOf: part)
                    state.withLock { $0.record.received += part.count }
                    if body.count >= Self.pictureLength { notePicture() }
                }
                guard status == 200 else {
                    fail("segment \(status)")
                    pause(.milliseconds(250))
                    continue
                }
                notePicture()
                let whole = Instant.now
                let arrival = Arrival(
                    sequence: segment.sequence, duration: .seconds(segment.duration), length: body.count,
                    digest: SHA256.hash(body), asked: asked, whole: whole)
                state.withLock { $0.record.arrivals.append(arrival) }
                return
            } catch {
                fail("segment: \(error.description)")
                pause(.milliseconds(250))
            }
        }
        skip(segment.sequence..<segment.sequence + 1)
    }

    private func notePicture() {
        state.withLock { state in
            if state.record.firstPicture == nil { state.record.firstPicture = .now }
        }
    }

    private func skip(_ sequences: Range<Int>) {
        guard !sequences.isEmpty, !isStopped else { return }
        state.withLock { $0.record.skipped += sequences }
    }

    private func fail(_ reason: String) {
        guard !isStopped else { return }
        state.withLock { $0.record.failures[reason, default: 0] += 1 }
    }

    private func pause(_ length: Interval) {
        let end = Instant.now + length
        while !isStopped {
            let left = min(end - .now, .milliseconds(500))
            guard left > .zero else { return }
            usleep(UInt32(left.nanoseconds / 1_000))
        }
    }

    static func resolve(_ uri: String, against base: String) -> String {
        URL(string: uri, relativeTo: URL(string: base))?.absoluteString ?? uri
    }

    static var threadTime: Interval {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Interval(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
