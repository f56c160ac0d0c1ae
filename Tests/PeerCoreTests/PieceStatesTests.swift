import Testing
import Vocabulary

@testable import PeerCore

@Suite struct `States of a segment's pieces` {
    private static let count = 300

    @Test func `are kept apart, however many pieces there are`() {
        var states = PieceStates(count: Self.count)
        for (place, state) in PieceStates.State.allCases.enumerated() {
            let news = [place, 299 - place, place].map { states.insert($0, state) }
            #expect(news == [true, true, false])
        }
        for (place, state) in PieceStates.State.allCases.enumerated() {
            #expect(states[state] == PieceSet(count: Self.count, [place, 299 - place]))
        }
        states.remove(299, .held)
        states[.sighted] = PieceSet(count: Self.count, [7])
        #expect(!states.contains(299, .held) && states.contains(0, .held) && states.contains(298, .fromOrigin))
        #expect(states[.sighted] == PieceSet(count: Self.count, [7]))
    }

    @Test func `leave as unasked what is neither here nor on its way`() {
        var states = PieceStates(count: 5)
        states.insert(0, .held)
        states.insert(1, .fetching)
        states.insert(2, .wanted)
        states.insert(3, .overdue)
        #expect(Array(states.unasked) == [3, 4])
        states.remove(1, .fetching)
        #expect(Array(states.unasked) == [1, 3, 4])
    }

    @Test(arguments: [-1, 300, Int.max]) func `know no piece that the segment does not have`(index: Int) {
        var states = PieceStates(count: Self.count)
        let isNew = states.insert(index, .held)
        #expect(!isNew && !states.contains(index, .held))
        states.remove(index, .held)
        #expect(states.unasked.isFull)
    }
}
