import Testing
import Vocabulary

@testable import OriginCore

/// Requests and ends at one origin, one after the other.
private final class Door {
    private var precedence = Precedence()
    private(set) var now = Instant.zero
    private var next = 0

    var delayed: Int { precedence.delayed }

    func asked(_ answer: Int, for bytes: Int, _ urgency: Precedence.Urgency, at time: Instant? = nil) -> Bool {
        precedence.asked(answer, for: bytes, urgency, at: time ?? now)
    }

    func overdue(_ answer: Int) -> Bool { precedence.overdue(answer) }

    func ended(_ answer: Int, isWhole: Bool = true, after time: Interval = .zero) -> [Int] {
        now = now + time
        return precedence.ended(answer, isWhole: isWhole, at: now)
    }

    /// Requests for 64 KiB each until one has to wait, ten thousand at most: those that begin, and the one that waits.
    func fill() -> (begun: [Int], waiting: Int) {
        var begun: [Int] = []
        while begun.count < 10_000 {
            next += 1
            guard asked(next, for: 64 << 10, .patient) else { return (begun, next) }
            begun.append(next)
        }
        return (begun, -1)
    }

    /// An injector begins to get its share. Returns the answer's name.
    @discardableResult
    func inject() -> Int {
        next += 1
        #expect(asked(next, for: 1_000, .urgent))
        return next
    }

    /// An injector gets `bytes`, in `time`. Returns who may begin then.
    @discardableResult
    func share(_ bytes: Int = 1_000, in time: Interval = .milliseconds(100)) -> [Int] {
        next += 1
        #expect(asked(next, for: bytes, .urgent))
        return ended(next, after: time)
    }
}

@Suite struct `Who may begin at the origin` {
    private let door = Door()

    @Test func `nobody waits where nothing urgent is under way, or has been for long`() {
        #expect(door.fill().waiting == -1)
        let share = door.inject()
        #expect(!door.asked(-2, for: 1, .patient))
        #expect(door.ended(share) == [-2])
        #expect(door.asked(-3, for: 1, .patient))
        door.inject()
        #expect(!door.asked(-4, for: 1, .patient))
        #expect(door.asked(-5, for: 1, .patient, at: door.now + .milliseconds(1_100)))
        #expect(door.delayed == 2)
    }

    @Test func `what is urgent begins at once, however much is under way`() {
        door.inject()
        _ = door.fill()
        for answer in -100 ..< -1 { #expect(door.asked(answer, for: 1 << 20, .urgent)) }
    }

    @Test func `one that waits begins when one of its kind ends, the oldest first`() {
        door.inject()
        let (begun, waiting) = door.fill()
        #expect(begun.count == 8, "half a mebibyte, as long as no more was ever carried")
        #expect(!door.asked(-1, for: 1, .patient))
        #expect(door.ended(begun[3]) == [waiting])
        #expect(door.ended(begun[4], isWhole: false) == [-1])
        #expect(door.ended(begun[5]) == [])
        #expect(door.asked(-2, for: 1, .patient))
    }

    @Test func `whoever goes while it waits is never named`() {
        door.inject()
        let (begun, waiting) = door.fill()
        #expect(door.ended(waiting, isWhole: false) == [])
        #expect(!door.overdue(waiting))
        #expect(door.ended(begun[0]) == [])
    }

    @Test func `one that has waited long enough is refused, once, and takes no place`() {
        door.inject()
        let (begun, waiting) = door.fill()
        #expect(!door.asked(-1, for: 1, .patient))
        #expect(door.overdue(waiting))
        #expect(!door.overdue(waiting))
        #expect(door.ended(begun[0]) == [-1])
    }

    @Test func `of a thousand that ask for what is late none begins beside what is urgent for having waited`() {
        door.inject()
        let (begun, first) = door.fill()
        for answer in first + 1..<first + 1_000 { #expect(!door.asked(answer, for: 16 << 10, .patient)) }
        for answer in first..<first + 1_000 { #expect(door.overdue(answer)) }
        #expect(door.ended(begun[0]) == [])
        #expect(door.asked(-1, for: 16 << 10, .patient))
    }

    @Test func `an answer whose client is slow keeps its place for a second only`() {
        door.inject()
        let (begun, waiting) = door.fill()
        #expect(door.ended(-1, after: .milliseconds(900)) == [])
        door.inject()
        #expect(!door.asked(-2, for: 1, .patient))
        #expect(door.ended(begun[0], after: .milliseconds(200)) == [waiting, -2])
        #expect(door.asked(-3, for: 1, .patient))
        for answer in begun.dropFirst() { #expect(door.ended(answer) == []) }
        #expect(door.fill().begun.count == 7, "what was let go is not let go again")
    }

    @Test func `where all answers are slow, it is the uplink's fault, and an urgent one counts for longer`() {
        for _ in 0..<50 { door.share(1_000, in: .seconds(1)) }
        door.inject()
        _ = door.fill()
        #expect(!door.asked(-1, for: 1, .patient, at: door.now + .milliseconds(2_900)))
        #expect(door.asked(-2, for: 1, .patient, at: door.now + .milliseconds(3_100)))
    }

    @Test func `no answer counts for longer than eight seconds`() {
        for _ in 0..<50 { door.share(1_000, in: .seconds(60)) }
        door.inject()
        _ = door.fill()
        #expect(!door.asked(-1, for: 1, .patient, at: door.now + .milliseconds(7_900)))
        #expect(door.asked(-2, for: 1, .patient, at: door.now + .milliseconds(8_100)))
    }

    @Test func `as much may be under way as the uplink has lately carried in a moment, and no more`() {
        door.share(4 << 20, in: .milliseconds(100))
        door.share(in: .milliseconds(400))
        door.inject()
        let begun = door.fill().begun.count
        #expect((64...65).contains(begun), "\(begun) of 64 KiB")
        #expect(door.fill().begun.isEmpty)
    }

    @Test func `what took long counts for what it carried in a moment`() {
        door.share(4 << 20, in: .seconds(4))
        door.share(in: .milliseconds(600))
        door.inject()
        #expect(door.fill().begun.count == 8)
    }

    @Test func `what an uplink carried once is forgotten`() {
        door.share(4 << 20, in: .milliseconds(100))
        for _ in 0..<500 { door.share(in: .milliseconds(600)) }
        door.inject()
        #expect(door.fill().begun.count == 8)
    }

    @Test func `what never reached its client was not carried`() {
        #expect(door.asked(-1, for: 4 << 20, .urgent))
        #expect(door.ended(-1, isWhole: false, after: .milliseconds(100)) == [])
        door.share(in: .milliseconds(600))
        door.inject()
        #expect(door.fill().begun.count == 8)
    }

    @Test func `urgency is that of RFC 9218, and the usual one is none`() {
        let levels = (0...7).map { Precedence.Urgency(level: $0) }
        #expect(levels == Array(repeating: .urgent, count: 3) + [nil] + Array(repeating: .patient, count: 4))
    }
}
