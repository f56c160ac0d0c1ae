import Foundation
import Glibc
import Integrity
import Stage
import Synchronization
package import Vocabulary

/// Notes beside the origin when each segment appears there, and what it holds.
package final class Watcher: Sendable {
    package struct Publication: Hashable, Sendable {
        package var sequence: Int
        package var at: Instant
        package var duration: Interval
        package var length: Int
        package var digest: Word256
    }

    private struct State {
        var publications: [Publication] = []
        var isStopped = false
        var isDone = false
    }

    private let state = Mutex(State())
    private let makeSocket: @Sendable () -> Int32

    /// - Parameter master: the URL of the origin's multivariant playlist, by IPv4 address.
    package init(_ master: String, socket: @escaping @Sendable () -> Int32) {
        makeSocket = socket
        let thread = Thread { [self] in
            watch(String(master.dropLast(master.reversed().prefix { $0 != "/" }.count)))
        }
        thread.stackSize = 512 << 10
        thread.start()
    }

    /// In the order of their appearance.
    package var publications: [Publication] { state.withLock { $0.publications } }
    package var isDone: Bool { state.withLock { $0.isDone } }
    package func stop() { state.withLock { $0.isStopped = true } }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    private func watch(_ base: String) {
        let connection = WebConnection(
            patience: .seconds(40), isStopped: { self.isStopped }, socket: makeSocket)
        var newest: Int?
        while !isStopped {
            // The origin holds this answer until there is something newer: the moment of its coming is the news.
            let news = newest.map { try? connection.get("\(base)head?after=\($0)").status }
            let now = Instant.now
            guard news == nil || news == 200, let answer = try? connection.get("\(base)0/index.m3u8"),
                answer.status == 200
            else {
                usleep(50_000)
                continue
            }
            for segment in Playlist(parsing: answer.body).segments where segment.sequence > newest ?? -1 {
                guard let content = try? connection.get(Viewer.resolve(segment.uri, against: "\(base)0/index.m3u8")),
                    content.status == 200
                else { break }
                newest = segment.sequence
                let publication = Publication(
                    sequence: segment.sequence, at: now, duration: .seconds(segment.duration),
                    length: content.body.count, digest: SHA256.hash(content.body))
                state.withLock { $0.publications.append(publication) }
            }
            if newest == nil { usleep(20_000) }
        }
        state.withLock { $0.isDone = true }
    }
}
