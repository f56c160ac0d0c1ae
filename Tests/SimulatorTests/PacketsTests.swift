import Testing
import Vocabulary

@testable import Simulator

@Suite struct `The cost of packets` {
    @Test func `is twelve of them for a piece of 16 KiB with its frame`() {
        let framed = Packets.framed(PieceID.length)
        #expect(framed == 16_384 + 2 + 1 + 9 + 2 + 16)
        #expect(Packets.count(framed) == 12)
        #expect(Packets.onWire(framed) == framed + 12 * 52)
        #expect(Packets.acknowledgements(12) == 6 * 52)
    }

    @Test(arguments: [(0, 0), (1, 1), (1_448, 1), (1_449, 2), (14_480, 10)])
    func `counts as many as the bytes need`(bytes: Int, packets: Int) {
        #expect(Packets.count(bytes) == packets)
    }
}

@Suite struct `The end of a link` {
    var end = LinkEnd(peer: 1)
    let trip = Interval.milliseconds(40)

    @Test mutating func `lets ten packets out after a pause, and more with every round trip that needs them`() {
        let first = end.admit(12, at: .zero, roundTrip: trip)
        end.block(until: .zero + trip)
        let rest = end.admit(2, at: .zero + trip, roundTrip: trip)
        end.acknowledge(12)
        let second = end.admit(24, at: .zero + trip * 2, roundTrip: trip)
        end.acknowledge(24)
        let afterPause = end.admit(24, at: .zero + .seconds(1), roundTrip: trip)
        #expect([first, rest, second, afterPause] == [10, 2, 20, 10])
    }

    @Test mutating func `puts the frames of one instant into one packet as long as it has room`() {
        let first = end.headers(of: 100, at: .zero)
        let second = end.headers(of: 1_000, at: .zero)
        let third = end.headers(of: 1_000, at: .zero)
        let later = end.headers(of: 100, at: .zero + .milliseconds(1))
        #expect([first.bytes, second.bytes, third.bytes, later.bytes] == [52, 0, 52, 52])
    }
}
