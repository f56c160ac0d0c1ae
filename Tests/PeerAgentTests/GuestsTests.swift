import PeerAgent
import PeerCore
import Testing
import Vocabulary

@Suite struct `Who dials us` {
    private static func address(_ number: Int) -> [UInt8] { [192, 0, 2, UInt8(number)] }

    @Test func `comes in instead of the oldest who has not shaken hands`() {
        var guests = Guests()
        for number in 0..<Limits.linksTaken {
            #expect(guests.admit(LinkID(number), from: Self.address(number)) == .comeIn)
        }
        guests.shookHands(LinkID(0))
        #expect(guests.admit(LinkID(100), from: Self.address(100)) == .insteadOf(LinkID(1)))
        #expect(guests.admit(LinkID(101), from: Self.address(101)) == .insteadOf(LinkID(2)))
    }

    @Test func `is turned away when all who are there have shaken hands`() {
        var guests = Guests()
        for number in 0..<Limits.linksTaken {
            _ = guests.admit(LinkID(number), from: [127, 0, 0, 1])
            guests.shookHands(LinkID(number))
        }
        #expect(guests.admit(LinkID(100), from: [127, 0, 0, 1]) == .full)
        guests.remove(LinkID(5))
        #expect(guests.admit(LinkID(100), from: [127, 0, 0, 1]) == .comeIn)
    }

    @Test func `takes the place of its own address alone when that has too many`() {
        var guests = Guests()
        _ = guests.admit(LinkID(50), from: Self.address(1))
        for number in 0..<Limits.linksPerAddress {
            #expect(guests.admit(LinkID(number), from: Self.address(2)) == .comeIn)
        }
        #expect(guests.admit(LinkID(100), from: Self.address(2)) == .insteadOf(LinkID(0)))
    }
}
