import Integrity
import Testing
import Vocabulary

@Suite struct `Connection ids` {
    private let ids = ConnectionIDs()
    private let address = IPAddress(v4: 0xc000_0201)

    @Test func `hold for two minutes and no longer`() {
        let id = ids.issue(to: address, at: 1_000)
        #expect(ids.isValid(id, from: address, at: 1_000))
        #expect(ids.isValid(id, from: address, at: 1_120))
        #expect(!ids.isValid(id, from: address, at: 1_121))
        #expect(!ids.isValid(id, from: address, at: 999))
        #expect(!ids.isValid(id, from: address, at: 1_000 + 65_536))
    }

    @Test func `survive the wrap of their short time`() {
        let id = ids.issue(to: address, at: 65_530)
        #expect(ids.isValid(id, from: address, at: 65_540))
    }

    @Test func `belong to one address and one tracker`() {
        let id = ids.issue(to: address, at: 1_000)
        #expect(!ids.isValid(id, from: IPAddress(v4: 0xc000_0202), at: 1_000))
        #expect(!ids.isValid(id, from: IPAddress(high: 0xc000_0201 << 32, low: 0), at: 1_000))
        #expect(!ConnectionIDs().isValid(id, from: address, at: 1_000))
        for bit in 0..<64 { #expect(!ids.isValid(id ^ 1 << UInt64(bit), from: address, at: 1_000)) }
    }
}
