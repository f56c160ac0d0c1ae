import Testing
import Vocabulary

@testable import RehearsalPlayer

@Suite struct `An imagined clock` {
    private func second(_ value: Double) -> Instant { .zero + .seconds(value) }

    private func play(_ times: [Double], until end: Double) -> Playback {
        Playback(times.map { (whole: second($0), duration: .seconds(4)) }, until: second(end))
    }

    @Test func `plays on while the next segment is whole in time`() {
        let playback = play([1, 2, 3, 9, 17], until: 20)
        #expect(playback.stalls.isEmpty)
    }

    @Test func `freezes from the end of what it has until the next segment is whole`() {
        let playback = play([1, 7, 8], until: 14)
        #expect(playback.stalls == [Playback.Stall(from: second(5), to: second(7))])
        #expect(playback.stalled == .seconds(2))
    }

    @Test func `forgives less than a tenth of a second`() {
        #expect(play([1, 5.09], until: 9).stalls.isEmpty)
        #expect(play([1, 5.11], until: 9).stalls.count == 1)
    }

    @Test func `counts what is still frozen at the end`() {
        let playback = play([1, 2], until: 12)
        #expect(playback.stalls == [Playback.Stall(from: second(9), to: second(12))])
    }

    @Test func `does not freeze before the picture has moved`() {
        #expect(play([], until: 50).stalls.isEmpty)
    }
}
