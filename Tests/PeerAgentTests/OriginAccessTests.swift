import NIOCore
import NIOPosix
import PeerCore
import Synchronization
import Testing
import Vocabulary
import WebClient

@testable import PeerAgent

@Suite(.timeLimit(.minutes(1))) struct `An origin that refuses` {
    @Test(arguments: [(5, "u=5", nil), (3, "", OriginFlaw.retryAfter)])
    func `what is patient is asked for news at once, one that refuses anything else when it says`(
        urgency: Int, priority: String, flaw: OriginFlaw?
    ) async throws {
        try await withStation { station in
            station.refused.withLock { $0 = priority }
            let client = WebClient()
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let access = OriginAccess(on: loop, client, station.options.link, rendition: 0)
            let record = station.segments[0].record
            let refusal = try await loop.flatSubmit {
                let outcome = loop.makePromise(of: OriginFlaw?.self)
                access.fetchPieces(FetchID(0), record, 0..<1, urgency: urgency, piece: { _, _ in true }) {
                    outcome.succeed($0.flaw)
                }
                return outcome.futureResult
            }.get()
            #expect(refusal == .status)
            let news = try await loop.flatSubmit {
                let outcome = loop.makePromise(of: OriginFlaw?.self)
                access.fetchHead(after: nil) { outcome.succeed($0.flaw) }
                return outcome.futureResult
            }.get()
            #expect(news == flaw)
            client.shutdown()
        }
    }
}

extension Result where Failure == OriginFailure {
    fileprivate var flaw: OriginFlaw? {
        guard case .failure(let failure) = self else { return nil }
        return failure.flaw
    }
}
