import OriginCore
import Testing
import Vocabulary

@Suite struct `A pacer` {
    private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

    @Test func `holds media back to the clock`() {
        var pacer = Pacer()
        let delay1 = pacer.delay(of: 5_000_000, at: at(100))
        #expect(delay1 == .zero)
        let delay2 = pacer.delay(of: 5_500_000, at: at(100))
        #expect(delay2 == .seconds(0.5))
        let delay3 = pacer.delay(of: 6_000_000, at: at(100.25))
        #expect(delay3 == .seconds(0.75))
    }

    @Test func `catches up after a short delay and forgets a long one`() {
        var pacer = Pacer(patience: .seconds(10))
        _ = pacer.delay(of: 0, at: at(0))
        let delay4 = pacer.delay(of: 1_000_000, at: at(8))
        #expect(delay4 == .zero)
        let delay5 = pacer.delay(of: 9_000_000, at: at(8))
        #expect(delay5 == .seconds(1))
        let delay6 = pacer.delay(of: 10_000_000, at: at(60))
        #expect(delay6 == .zero)
        let delay7 = pacer.delay(of: 11_000_000, at: at(60))
        #expect(delay7 == .seconds(1))
    }
}

@Suite struct `A retry delay` {
    @Test func `doubles from half a second to ten, with jitter, and starts over after a success`() {
        var delay = RetryDelay(seed: 1)
        for wished in [0.5, 1, 2, 4, 8, 10, 10, 10] {
            let drawn = delay.draw().seconds
            #expect((wished * 0.75...wished * 1.25).contains(drawn))
        }
        delay.reset()
        let drawn = delay.draw().seconds
        #expect((0.375...0.625).contains(drawn))
    }

    @Test func `differs from origin to origin`() {
        var first = RetryDelay(seed: 1)
        var second = RetryDelay(seed: 2)
        let delays = [first.draw(), second.draw()]
        #expect(delays[0] != delays[1])
    }
}
