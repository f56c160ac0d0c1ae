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
        guard !trackers.isEmpty else { return }
        await withDiscardingTaskGroup { group in
            let (ticks, tick) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            group.addTask {
                for await _ in changes { tick.yield() }
            }
            group.addTask {
                while !Task.isCancelled {
                    tick.yield()
                    try? await Task.sleep(for: .seconds(20))
                }
                tick.finish()
            }
            var unreachable: Set<String> = []
            for await _ in ticks {
                for tracker in trackers { await tell(tracker, &unreachable) }
                if !unreachable.isEmpty {
                    group.addTask {
                        try? await Task.sleep(for: .seconds(3))
                        tick.yield()
                    }
                }
            }
        }
    }

    private func tell(_ tracker: String, _ unreachable: inout Set<String>) async {
        let complaint: String
        do {
            let answer = try await client.post(
                "\(tracker)/v1/broadcasts/\(publication.broadcast)",
                headers: [("content-type", "application/octet-stream")], body: publication.listing(hls: hls),
                limit: 64 << 10, timeout: .seconds(5))
            if (200..<300).contains(answer.status) {
                if unreachable.remove(tracker) != nil {
                    log.info("the tracker is back", metadata: ["tracker": "\(tracker)"])
                }
                return
            }
            complaint = "it answers \(answer.status)"
        } catch {
            complaint = "\(error)"
        }
        guard !Task.isCancelled, unreachable.insert(tracker).inserted else { return }
        log.warning(
            "the tracker does not list the broadcast; trying again: \(complaint)", metadata: ["tracker": "\(tracker)"])
    }
}
