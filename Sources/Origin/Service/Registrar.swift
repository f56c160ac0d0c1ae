package import Logging
import Vocabulary
package import WebClient

/// Keeps the broadcast listed at its own one of the trackers (`Rendezvous`), or at the next one that takes it; none that
/// cannot be reached ever stops the broadcast.
package struct Registrar: Sendable {
    private let publication: Publication
    /// The broadcast's own first.
    private let trackers: [String]
    private let hls: String
    private let client: WebClient
    private let log: Logger

    /// - Parameter trackers: as the link has them; a tracker without an http or https address lists nothing.
    package init(_ publication: Publication, trackers: [String], hls: String, client: WebClient, log: Logger) {
        self.publication = publication
        self.trackers = Rendezvous.ranking(of: trackers, for: publication.broadcast).compactMap { addresses in
            addresses.first { $0.hasPrefix("http://") || $0.hasPrefix("https://") }
        }
        self.hls = hls
        self.client = client
        self.log = log
    }

    /// Runs until it is canceled; `changes` yields whenever there is something to tell at once.
    package func run(_ changes: AsyncStream<Void>) async {
        guard !trackers.isEmpty else { return }
        // However much happens while a tracker does not answer, it is told once.
        let (ticks, tick) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withDiscardingTaskGroup { group in
            group.addTask { await keepListed(ticks, tick) }
            for await _ in changes { tick.yield() }
            tick.finish()
        }
    }

    private func keepListed(_ ticks: AsyncStream<Void>, _ tick: AsyncStream<Void>.Continuation) async {
        var home: String? = trackers[0]
        tick.yield()
        // Never more than one: each round sets the alarm anew.
        var alarm: Task<Void, Never>?
        for await _ in ticks {
            alarm?.cancel()
            let (listed, complaint) = await tellFirst()
            if listed != home, !Task.isCancelled {
                if let listed {
                    log.info("the broadcast is listed", metadata: ["tracker": "\(listed)"])
                } else {
                    log.warning("no tracker lists the broadcast; trying again: \(complaint)")
                }
            }
            home = listed
            let pause = Duration.seconds(listed == nil ? 3 : 20)
            alarm = Task {
                do { try await Task.sleep(for: pause) } catch { return }
                tick.yield()
            }
        }
        alarm?.cancel()
    }

    /// Returns the best tracker that has taken the listing, or else what was wrong with the last one.
    private func tellFirst() async -> (listed: String?, complaint: String) {
        var complaint = ""
        for tracker in trackers {
            guard let wrong = await tell(tracker) else { return (tracker, "") }
            complaint = "\(tracker): \(wrong)"
        }
        return (nil, complaint)
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
