import Testing
import Vocabulary

@testable import OriginMedia

@Suite struct `A board of segments` {
    @Test func `lets a segment go whose sound is given up, with the last sound and as a discontinuity`() {
        var board = RowBoard(rungs: 0, hasSound: true)
        board.isOpen = true
        var left: [CutSegment] = []
        for number in 0..<4 {
            let row = board.begin(programTime: Int64(number), isDependent: false)
            board.fill(row, 0, CutSegment.Media(bytes: [UInt8(number)]), generation: 1)
            if number == 0 || number == 3 {
                board.fill(row, 1, CutSegment.Media(bytes: [UInt8(100 + number)]), generation: 1)
            }
            board.close(row, duration: 1, targetDuration: 1, isLast: false, at: .zero)
            if number == 2 { #expect(board.take().isEmpty, "what may still come is waited for") }
            if number > 1 { board.giveUp(1..<2) }
            left += board.take()
        }
        #expect(left.map { $0.media.map(\.bytes) } == [[[0], [100]], [[1], [100]], [[2], [100]], [[3], [103]]])
        #expect(left.map(\.isDiscontinuity) == [false, true, true, true])
    }
}
