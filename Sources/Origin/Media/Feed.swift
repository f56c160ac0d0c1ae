import Dispatch
import Synchronization
import Vocabulary

/// The bytes of one encoder's session, on their way from an event loop to the thread that demuxes them.
///
/// Whoever pushes stops while it is full, so that an encoder that sends faster than we cut is held back by TCP.
package final class Feed: Sendable {
    package enum Format: String, Sendable { case flv, mpegts }

    /// What the pictures of a feed in FLV are.
    package enum Pictures: Sendable { case h264, h265 }

    package let name: String
    package let format: Format
    private let state = Mutex(State())
    private let news = DispatchSemaphore(value: 0)
    private let onRoom: @Sendable () -> Void
    private let onRefused: @Sendable (String) -> Void

    /// Bytes that may wait; beyond `low` again, more is asked for.
    private static let high = 8 << 20
    private static let low = 2 << 20

    private struct State {
        var chunks: [[UInt8]] = []
        /// The first chunk that is not read yet, and how much of it is.
        var next = 0
        var taken = 0
        var waiting = 0
        var isOver = false
        /// Why it is over.
        var reason = "it has ended its programme"
        var isFull = false
        var isRefused = false
        var pictures: Pictures?
        /// What has been read may be read again.
        var isKept = true
    }

    /// - Parameters:
    ///   - name: what the broadcaster calls it, such as "RTMP from 192.0.2.1".
    ///   - onRoom: called when `push` has said that it is full and there is room again.
    ///   - onRefused: called at most once, with one sentence, when what was sent cannot be broadcast any further.
    package init(
        name: String, format: Format, onRoom: @escaping @Sendable () -> Void = {},
        onRefused: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.name = name
        self.format = format
        self.onRoom = onRoom
        self.onRefused = onRefused
    }

    /// Says whether more may be pushed at once.
    @discardableResult
    package func push(_ bytes: [UInt8]) -> Bool {
        let hasRoom = state.withLock { state in
            guard !state.isOver, !bytes.isEmpty else { return true }
            state.chunks.append(bytes)
            state.waiting += bytes.count
            if state.waiting >= Self.high { state.isFull = true }
            return !state.isFull
        }
        news.signal()
        return hasRoom
    }

    /// Said before each picture is pushed; false when those before were something else.
    package func holds(_ pictures: Pictures) -> Bool {
        state.withLock { state in
            if state.pictures == nil { state.pictures = pictures }
            return state.pictures == pictures
        }
    }

    /// What they are, or `nil` when none has come in time.
    func pictures(within patience: Interval, _ interrupt: Interrupt) -> Pictures? {
        let end = MonotonicClock.now + patience
        while true {
            let (pictures, isOver) = state.withLock { ($0.pictures, $0.isOver) }
            guard pictures == nil, !isOver, MonotonicClock.now < end, !interrupt.isStopped else { return pictures }
            _ = news.wait(timeout: .now() + .milliseconds(50))
        }
    }

    /// All that has been read so far comes again.
    func rewind() {
        state.withLock { state in
            state.waiting = state.chunks.reduce(0) { $0 + $1.count }
            (state.next, state.taken) = (0, 0)
        }
    }

    /// What has been read is not wanted again.
    func forget() {
        state.withLock { state in
            state.isKept = false
            state.chunks.removeFirst(state.next)
            state.next = 0
        }
    }

    /// The encoder is gone, for a reason that completes the sentence "it has left: ..."; what was pushed is still read.
    package func finish(_ reason: String) {
        state.withLock { state in
            if !state.isOver { state.reason = reason }
            state.isOver = true
        }
        news.signal()
    }

    var reason: String { state.withLock { $0.reason } }

    /// `push` has said so, and there is no room again yet.
    package var isFull: Bool { state.withLock { $0.isFull && !$0.isOver } }

    package var isOver: Bool { state.withLock { $0.isOver } }

    /// What was sent cannot be broadcast; said only once.
    package func refuse(_ reason: String) {
        let isFirst = state.withLock { state in
            defer {
                if !state.isOver { state.reason = reason }
                state.isRefused = true
                state.isOver = true
                state.chunks = []
                (state.next, state.taken, state.waiting) = (0, 0, 0)
            }
            return !state.isRefused && !state.isOver
        }
        if isFirst { onRefused(reason) }
    }

    enum Reading { case bytes(Int), end, interrupted }

    /// Waits for bytes, the end, or an interrupt.
    func read(into target: UnsafeMutableRawBufferPointer, _ interrupt: Interrupt) -> Reading {
        while true {
            let (reading, hasRoomAgain) = state.withLock { take(from: &$0, into: target) }
            if hasRoomAgain { onRoom() }
            if let reading { return reading }
            if interrupt.isDue { return .interrupted }
            _ = news.wait(timeout: .now() + .milliseconds(50))
        }
    }

    private func take(
        from state: inout State, into target: UnsafeMutableRawBufferPointer
    ) -> (reading: Reading?, hasRoomAgain: Bool) {
        guard state.next < state.chunks.count else { return (state.isOver ? .end : nil, false) }
        let chunk = state.chunks[state.next]
        let count = min(target.count, chunk.count - state.taken)
        chunk.withUnsafeBytes { target.copyMemory(from: .init(rebasing: $0[state.taken..<state.taken + count])) }
        state.taken += count
        state.waiting -= count
        if state.taken == chunk.count {
            if !state.isKept { state.chunks[state.next] = [] }
            state.next += 1
            state.taken = 0
            if !state.isKept, state.next == state.chunks.count || state.next >= 1_024 {
                state.chunks.removeFirst(state.next)
                state.next = 0
            }
        }
        let hasRoomAgain = state.isFull && state.waiting <= Self.low
        if hasRoomAgain { state.isFull = false }
        return (.bytes(count), hasRoomAgain)
    }
}
