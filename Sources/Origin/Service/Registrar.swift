package import Logging
import Vocabulary
package import WebClient

/// Keeps the broadcast listed at its trackers; one that cannot be reached is asked again and never stops the broadcast.
package struct Registrar: Sendable {
    private let publication: Publication
    private let trackers: [String]
    private let hls: String
    private let client: WebClient
    private let log: Logger

    /// - Parameter trackers: base URLs; those that are not http or https list nothing.
    package init(_ publication: Publication, trackers: [String], hls: String, client: WebClient, log: Logger) {
        self.publication = publication
        self.trackers = trackers.filter { $0.hasPrefix("http://") || $0.hasPrefix("https://") }
        self.hls = hls
        self.client = client
        self.log = log
    }

    /// Runs until it is canceled; `changes` yields whenever there is something to tell at once.
    package func run(_ changes: AsyncStream<Void>) async {
        await withDiscardingTaskGroup { group in
            var ticks: [AsyncStream<Void>.Continuation] = []
            for tracker in trackers {
                // However much happens while a tracker does not answer, it is told once.
                let (stream, tick) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
                ticks.append(tick)
                group.addTask { await keepListed(at: tracker, stream, tick) }
            }
            for await _ in changes {
                for tick in ticks { tick.yield() }
            }
            for tick in ticks { tick.finish() }
        }
    }

    private func keepListed(
        at tracker: String, _ ticks: AsyncStream<Void>, _ tick: AsyncStream<Void>.Continuation
    ) async {
        var isUnreachable = false
        tick.yield()
        // Never more than one: each round sets the alarm anew.
        var alarm: Task<Void, Never>?
        for await _ in ticks {
            alarm?.cancel()
            let complaint = await tell(tracker)
            if let complaint, !isUnreachable, !Task.isCancelled {
                log.warning(
                    "the tracker does not list the broadcast; trying again: \(complaint)",
                    metadata: ["tracker": "\(tracker)"])
            } else if complaint == nil, isUnreachable {
                log.info("the tracker is back", metadata: ["tracker": "\(tracker)"])
            }
            isUnreachable = complaint != nil
            let pause = Duration.seconds(isUnreachable ? 3 : 20)
            alarm = Task {
                do { try await Task.sleep(for: pause) } catch { return }
                tick.yield()
            }
        }
        alarm?.cancel()
    }

    /// Returns what is wrong, if anything.
    private func tell(_ tracker: String) async -> String? {
        do {
            let answer = try await client.post(
                "\(tracker)/v1/broadcasts/\(publication.broadcast)",
                headers: [("content-type", "application/octet-stream")], body: publication.listing(hls: hls),
                limit: 64 << 10, timeout: .seconds(5))
            return (200..<300).contains(answer.status) ? nil : "it answers \(answer.status)"
        } catch {
            return "\(error)"
        }
    }
}
