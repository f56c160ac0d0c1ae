package import NIOCore
package import OriginCore
import OriginMedia
import Synchronization
import Vocabulary
package import WebServer

/// The uplink that the answers of all broadcasts share: those wait that `Precedence` says, and urgent ones go together as
/// `EvenPace` says.
package final class OriginUplink: Sendable {
    private struct State {
        var precedence = Precedence()
        var pace = EvenPace()
        var count = 0
        var waiting: [Int: EventLoopPromise<Void>] = [:]
        /// Those that are paced.
        var limits: [Int: @Sendable (Int?) -> Void] = [:]
        /// What all of them were last told, and how many they were.
        var told: (limit: Int?, count: Int) = (nil, 0)
    }

    /// More is asked of the uplink than it carries.
    package struct Overrun: Error {}

    private let state = Mutex(State())

    package init() {}

    /// How many answers have had to wait.
    package var delayed: Int { state.withLock { $0.precedence.delayed } }

    /// Comes when an answer of `bytes` may begin, with its escort. Fails with `Overrun` when it has waited too long.
    package func admit(
        _ bytes: Int, _ urgency: Precedence.Urgency, on eventLoop: any EventLoop
    ) -> EventLoopFuture<any Escort> {
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
        return turn.map { Passage(uplink: self, answer: answer, bytes: bytes, isPaced: urgency == .urgent) }
    }

    private struct Passage: Escort {
        let uplink: OriginUplink
        let answer: Int
        let bytes: Int
        let isPaced: Bool

        func began(_ limit: @escaping @Sendable (Int?) -> Void) {
            if isPaced { uplink.began(answer, bytes, limit) }
        }

        func carried(_ bytes: Int) {
            if isPaced { uplink.state.withLock { $0.pace.carried(answer, bytes, at: MonotonicClock.now) } }
        }

        func ended(isWhole: Bool) { uplink.ended(answer, isWhole: isWhole) }
    }

    private func overdue(_ answer: Int) {
        let promise = state.withLock { state in
            state.precedence.overdue(answer) ? state.waiting.removeValue(forKey: answer) : nil
        }
        promise?.fail(Overrun())
    }

    private func began(_ answer: Int, _ bytes: Int, _ limit: @escaping @Sendable (Int?) -> Void) {
        state.withLock { state in
            state.pace.began(answer, bytes, at: MonotonicClock.now)
            state.limits[answer] = limit
            if let told = state.told.limit { limit(told) }
            Self.tell(&state)
        }
    }

    private func ended(_ answer: Int, isWhole: Bool) {
        let begun = state.withLock { state in
            let now = MonotonicClock.now
            if let limit = state.limits.removeValue(forKey: answer) {
                state.pace.ended(answer, isWhole: isWhole, at: now)
                limit(nil)
                Self.tell(&state)
            }
            return state.precedence.ended(answer, isWhole: isWhole, at: now).compactMap {
                state.waiting.removeValue(forKey: $0)
            }
        }
        for promise in begun { promise.succeed() }
    }

    /// Tells all of their pace; among many, one more or less makes too little of a difference for that.
    private static func tell(_ state: inout State) {
        let (limit, count) = (state.pace.limit, state.limits.count)
        guard limit == nil ? state.told.limit != nil : abs(count - state.told.count) * 8 >= count else { return }
        state.told = (limit, count)
        for tell in state.limits.values { tell(limit) }
    }
}
