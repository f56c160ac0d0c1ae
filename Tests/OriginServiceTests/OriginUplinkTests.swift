import NIOCore
import NIOPosix
import OriginCore
import Synchronization
import Testing
import WebServer

@testable import OriginService

@Suite(.timeLimit(.minutes(1))) struct `The uplink of an origin` {
    private final class Line: Sendable {
        let told = Mutex<[Int?]>([])
        func limit(_ rate: Int?) { told.withLock { $0.append(rate) } }
        var last: Int?? { told.withLock { $0.last } }
    }

    /// Eight answers that are under way for `time` together; returns what the connections were told at last meanwhile.
    private func round(_ uplink: OriginUplink, lasting time: Duration, _ urgency: Precedence.Urgency) async throws
        -> (lines: [Line], meanwhile: [Int??])
    {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let lines = (0..<8).map { _ in Line() }
        var escorts: [any Escort] = []
        for line in lines {
            let escort = try await uplink.admit(100_000, urgency, on: loop).get()
            escort.began { line.limit($0) }
            escorts.append(escort)
        }
        for part in 1...10 where time > .zero {
            try await Task.sleep(for: time / 10)
            for escort in escorts { escort.carried(part * 9_000) }
        }
        let meanwhile = lines.map(\.last)
        for escort in escorts { escort.ended(isWhole: true) }
        return (lines, meanwhile)
    }

    @Test func `paces the urgent answers that are under way together, all alike, and lets go of the connections`()
        async throws
    {
        let uplink = OriginUplink()
        for _ in 0..<2 {
            let (_, meanwhile) = try await round(uplink, lasting: .seconds(0.8), .urgent)
            #expect(meanwhile.allSatisfy { $0 == .some(nil) || $0 == nil }, "it is not known yet what the line carries")
        }
        let (_, patient) = try await round(uplink, lasting: .zero, .patient)
        #expect(patient.allSatisfy { $0 == nil })
        let (lines, meanwhile) = try await round(uplink, lasting: .zero, .urgent)
        let pace = try #require(meanwhile.first ?? nil) ?? 0
        #expect(pace > 0 && pace < 200_000, "90 kB in 0.8 s, or in more on a busy machine: \(pace)")
        #expect(meanwhile.allSatisfy { $0 == pace })
        #expect(lines.allSatisfy { $0.last == .some(nil) })
    }
}
