import Testing
import Vocabulary

@Suite struct `An array that grows in steps` {
    @Test func `has room for hardly more than it holds`() {
        var array: [UInt64] = []
        for number in 0..<1_000 {
            array.makeRoom(by: 8)
            array.append(UInt64(number))
            #expect(array.capacity < array.count + 64)
        }
        #expect(array == Array(0..<1_000))
    }
}
