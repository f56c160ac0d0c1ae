import Testing
import Vocabulary

@testable import PeerCore

@Suite struct `Outboxes of all neighbors` {
    private var boxes = Outboxes()
    private let piece = PieceID(SegmentID(rendition: 0, sequence: 9), 3)

    init() {
        for seat in 0..<3 { boxes.insertSeat(seat) }
    }

    @Test mutating func `tell for whom something waits, as long as it does`() {
        boxes[2].pushes.append(piece)
        boxes[0].wants.append(piece)
        #expect(Array(boxes.waiting.seats) == [0, 2])
        let next = boxes[2].pushes.popFirst()
        #expect(next == piece && Array(boxes.waiting.seats) == [0])
        boxes[0].takeOut { $0 == piece }
        #expect(boxes.waiting == 0)
    }

    @Test mutating func `keep what waits with its neighbor when another comes or goes`() {
        boxes[1].relays.append(piece)
        boxes.insertSeat(0)
        #expect(Array(boxes.waiting.seats) == [2] && boxes[2].relays.next == piece)
        boxes.removeSeat(1)
        #expect(Array(boxes.waiting.seats) == [1] && boxes[1].relays.next == piece)
        boxes.removeSeat(1)
        #expect(boxes.waiting == 0)
    }

    @Test mutating func `let no neighbor have more on the way than it may, and nothing when it acknowledges nothing`() {
        #expect(boxes.canSend(to: 1, with: 1))
        boxes[1].send(Outbox.Errand(piece, at: .zero, behind: 0))
        #expect(!boxes.canSend(to: 1, with: 1) && boxes.canSend(to: 1, with: 2) && boxes[1].isAsked(piece))
        let expired = boxes[1].expire { _ in true }
        #expect(expired == 1 && !boxes.canSend(to: 1, with: 2))
        let errand = boxes[1].arrived(piece)
        #expect(errand?.isOverdue == true)
        #expect(boxes.canSend(to: 1, with: 1))
    }

    @Test func `are served in turn`() {
        let waiting: UInt64 = 1 << 63 | 0b10110
        #expect(Array(waiting.seats(from: 2)) == [2, 4, 63, 1])
        #expect(Array(waiting.seats(from: 0)) == [1, 2, 4, 63])
        #expect(Array(waiting.seats(from: 63)) == [63, 1, 2, 4])
        #expect(Array((0 as UInt64).seats(from: 5)) == [])
    }
}
