package import Vocabulary

/// Whose answer may begin: what many wait for goes before what one viewer wants for itself.
///
/// A tree of the swarm waits for its root's share of a new segment, and a late one is missed by all below it. When many
/// viewers come at once they ask for what they miss; were their answers to share the uplink with the roots' as equals, the
/// next segment would come late, more would be missed and more be asked for. So requests say how urgent they are
/// (RFC 9218), and while an urgent answer is under way, of patient ones only as much is as the uplink carries in a moment,
/// by the most that it has carried lately: an urgent one is never much later than that for their sake. At other times
/// nobody waits: whether it is the uplink that makes answers slow or their clients' lines is not seen from here.
package struct Precedence: Sendable {
    package enum Urgency: Hashable, Sendable {
        case urgent, patient

        /// RFC 9218, section 4.1: 0 is the most urgent, 7 the least; `nil` for 3, which is usual: such an answer begins at
        /// once and shows nothing, because players have lines of all kinds.
        package init?(level: Int) {
            guard level != 3 else { return nil }
            self = level < 3 ? .urgent : .patient
        }
    }

    private struct Answer {
        let bytes: Int
        let began: Instant
        let urgency: Urgency
        /// It has not been under way for too long.
        var counts = true
    }

    /// How long a patient answer waits at most: less than clients wait for a first byte. Then it is refused: where a
    /// thousand wait, to begin all of them would leave the urgent ones next to nothing of the uplink for as long as it
    /// takes, and what is not injected meanwhile is missed, and asked for, by a thousand, too.
    package static let longestWait = Interval.seconds(2)
    /// How long the uplink may take for all patient answers that are under way.
    private static let moment = Interval.milliseconds(250)
    /// What may be under way however little the uplink has carried yet: it was not asked for more, perhaps.
    private static let least = 512 << 10
    /// How long an answer counts at least and at most: what takes much longer than its like waits for its client's line,
    /// not for our uplink.
    private static let count = Interval.seconds(1)...Interval.seconds(8)
    /// Times as long as its like: slow, but not for its client's sake alone.
    private static let slow = 3.0

    private var underWay: [Int: Answer] = [:]
    /// Urgent answers that count.
    private var urgent = 0
    /// The oldest first.
    private var waiting: [(answer: Int, bytes: Int)] = []
    /// Answers in the order of their beginning, as long as they count, and the bytes of the patient ones.
    private var counted: [(answer: Int, began: Instant)] = []
    private var patientBytes = 0
    /// Bytes that have left since `momentBegan`, and the most that have left in a moment lately.
    private var carried = 0.0
    private var capacity = 0.0
    private var momentBegan = Instant.zero
    /// How long whole answers have lately been under way for each byte; s.
    private var timePerByte = 0.0
    /// Answers that had to wait before they began.
    package private(set) var delayed = 0

    package init() {}

    /// A request has come. Returns whether its answer may begin; if not, `ended` names it when it may, and if that has
    /// not happened after `longestWait`, say that it is `overdue`. `answer` is the caller's name for it.
    package mutating func asked(_ answer: Int, for bytes: Int, _ urgency: Urgency, at now: Instant) -> Bool {
        passOver(at: now)
        guard urgency == .urgent || hasRoom else {
            delayed += 1
            waiting.append((answer, bytes))
            return false
        }
        begin(answer, bytes, urgency, at: now)
        return true
    }

    /// Whether the answer still waits; then it is refused now.
    package mutating func overdue(_ answer: Int) -> Bool {
        guard let place = waiting.firstIndex(where: { $0.answer == answer }) else { return false }
        waiting.remove(at: place)
        return true
    }

    /// An answer has reached its client whole, or never will. Returns those that may begin now.
    package mutating func ended(_ answer: Int, isWhole: Bool, at now: Instant) -> [Int] {
        guard let ended = underWay.removeValue(forKey: answer) else {
            waiting.removeAll { $0.answer == answer }
            return []
        }
        if isWhole { measure(ended, at: now) }
        if ended.counts { pass(ended) }
        passOver(at: now)
        var next: [Int] = []
        while next.count < waiting.count, hasRoom {
            let (answer, bytes) = waiting[next.count]
            next.append(answer)
            begin(answer, bytes, .patient, at: now)
        }
        waiting.removeFirst(next.count)
        return next
    }

    private var hasRoom: Bool { urgent == 0 || patientBytes < max(Self.least, Int(capacity)) }

    private mutating func begin(_ answer: Int, _ bytes: Int, _ urgency: Urgency, at now: Instant) {
        underWay[answer] = Answer(bytes: bytes, began: now, urgency: urgency)
        counted.append((answer, now))
        if urgency == .urgent { urgent += 1 } else { patientBytes += bytes }
    }

    /// The answer counts no more.
    private mutating func pass(_ answer: Answer) {
        if answer.urgency == .urgent { urgent -= 1 } else { patientBytes -= answer.bytes }
    }

    private mutating func passOver(at now: Instant) {
        var old = 0
        while old < counted.count {
            let (number, began) = counted[old]
            if let answer = underWay[number] {
                guard now - began > longestCount(of: answer.bytes) else { break }
                underWay[number]?.counts = false
                pass(answer)
            }
            old += 1
        }
        counted.removeFirst(old)
    }

    private func longestCount(of bytes: Int) -> Interval {
        min(max(Self.count.lowerBound, .seconds(Double(bytes) * timePerByte * Self.slow)), Self.count.upperBound)
    }

    private mutating func measure(_ answer: Answer, at now: Instant) {
        if now - momentBegan >= Self.moment {
            capacity = max(carried, capacity * 0.98)
            carried = 0
            momentBegan = now
        }
        // Of what has taken longer only a part has left in this moment.
        let time = now - answer.began
        timePerByte = timePerByte * 0.9 + time.seconds / Double(max(1, answer.bytes)) * 0.1
        carried += Double(answer.bytes) * min(1, Self.moment.seconds / max(time.seconds, 0.001))
    }
}
