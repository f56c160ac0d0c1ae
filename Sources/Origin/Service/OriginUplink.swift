package import NIOCore
package import OriginCore
import OriginMedia
import Synchronization
import Vocabulary

/// The uplink that the answers of all broadcasts share: those wait that `Precedence` says.
package final class OriginUplink: Sendable {
    private struct State {
        var precedence = Precedence()
        var count = 0
        var waiting: [Int: EventLoopPromise<Void>] = [:]
    }

    /// More is asked of the uplink than it carries.
    package struct Overrun: Error {}

    private let state = Mutex(State())

    package init() {}

    /// How many answers have had to wait.
    package var delayed: Int { state.withLock { $0.precedence.delayed } }

    /// Comes when an answer of `bytes` may begin, with what is to be called once when it has ended: whether it has reached
    /// the client whole. Fails with `Overrun` when it has waited too long.
    package func admit(
        _ bytes: Int, _ urgency: Precedence.Urgency, on eventLoop: any EventLoop
    ) -> EventLoopFuture<@Sendable (Bool) -> Void> {
        let (answer, turn) = state.withLock { state in
            state.count += 1
            guard !state.precedence.asked(state.count, for: bytes, urgency, at: MonotonicClock.now) else {
                return (state.count, eventLoop.makeSucceededVoidFuture())
            }
            let promise = eventLoop.makePromise(of: Void.self)
            state.waiting[state.count] = promise
            let answer = state.count
            eventLoop.scheduleTask(in: .nanoseconds(Precedence.longestWait.nanoseconds)) { self.overdue(answer) }
            return (answer, promise.futureResult)
        }
        return turn.map { { isWhole in self.ended(answer, isWhole: isWhole) } }
    }

    private func overdue(_ answer: Int) {
        let promise = state.withLock { state in
            state.precedence.overdue(answer) ? state.waiting.removeValue(forKey: answer) : nil
        }
        promise?.fail(Overrun())
    }

    private func ended(_ answer: Int, isWhole: Bool) {
        let begun = state.withLock { state in
            state.precedence.ended(answer, isWhole: isWhole, at: MonotonicClock.now).compactMap {
                state.waiting.removeValue(forKey: $0)
            }
        }
        for promise in begun { promise.succeed() }
    }
}
