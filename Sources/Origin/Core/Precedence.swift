package import Vocabulary

/// Whose answer may begin: what many wait for goes before what one viewer wants for itself.
///
/// A tree of the swarm waits for its root's share of a new segment, and a late one is missed by all below it. When many
/// viewers come at once they ask for what they miss; were their answers to share the uplink with the roots' as equals, the
/// next segment would come late, more would be missed and more be asked for. So requests say how urgent they are
/// (RFC 9218), and of patient answers only as much is under way as the uplink carries in a moment, by the most that it has
/// carried lately: an urgent one is never later than that for their sake.
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
        /// It is patient, and has not been under way for too long.
        var counts: Bool
    }

    /// How long a patient answer waits at most: less than clients wait for a first byte.
    package static let longestWait = Interval.seconds(2)
    /// How long the uplink may take for all patient answers that are under way.
    private static let moment = Interval.milliseconds(250)
    /// What may be under way however little the uplink has carried yet: it was not asked for more, perhaps.
    private static let least = 512 << 10
    /// How long an answer counts: what takes longer waits for its client's line, not for our uplink.
    private static let longestCount = Interval.seconds(1)
    /// Without urgent requests for so long there is nobody to protect.
    private static let memory = Interval.seconds(10)

    private var underWay: [Int: Answer] = [:]
    /// The oldest first.
    private var waiting: [(answer: Int, bytes: Int)] = []
    /// Patient answers in the order of their beginning, as long as they count, and their bytes.
    private var counted: [(answer: Int, began: Instant)] = []
    private var patientBytes = 0
    /// Bytes that have left since `momentBegan`, and the most that have left in a moment lately.
    private var carried = 0.0
    private var capacity = 0.0
    private var momentBegan = Instant.zero
    private var lastUrgent: Instant?
    /// Answers that had to wait before they began.
    package private(set) var delayed = 0

    package init() {}

    /// A request has come. Returns whether its answer may begin; if not, `ended` names it when it may, and if that has
    /// not happened after `longestWait`, ask `overdue`. `answer` is the caller's name for it.
    package mutating func asked(_ answer: Int, for bytes: Int, _ urgency: Urgency, at now: Instant) -> Bool {
        if urgency == .urgent { lastUrgent = now }
        passOver(at: now)
        guard urgency == .urgent || hasRoom(at: now) else {
            delayed += 1
            waiting.append((answer, bytes))
            return false
        }
        begin(answer, bytes, urgency, at: now)
        return true
    }

    /// Whether the answer still waits; then it begins now.
    package mutating func overdue(_ answer: Int, at now: Instant) -> Bool {
        guard let place = waiting.firstIndex(where: { $0.answer == answer }) else { return false }
        begin(answer, waiting.remove(at: place).bytes, .patient, at: now)
        return true
    }

    /// An answer has reached its client whole, or never will. Returns those that may begin now.
    package mutating func ended(_ answer: Int, isWhole: Bool, at now: Instant) -> [Int] {
        guard let ended = underWay.removeValue(forKey: answer) else {
            waiting.removeAll { $0.answer == answer }
            return []
        }
        if isWhole { measure(ended, at: now) }
        if ended.counts { patientBytes -= ended.bytes }
        passOver(at: now)
        var next: [Int] = []
        while next.count < waiting.count, hasRoom(at: now) {
            let (answer, bytes) = waiting[next.count]
            next.append(answer)
            begin(answer, bytes, .patient, at: now)
        }
        waiting.removeFirst(next.count)
        return next
    }

    private func hasRoom(at now: Instant) -> Bool {
        patientBytes < max(Self.least, Int(capacity)) || lastUrgent.map { now - $0 > Self.memory } ?? true
    }

    private mutating func begin(_ answer: Int, _ bytes: Int, _ urgency: Urgency, at now: Instant) {
        underWay[answer] = Answer(bytes: bytes, began: now, counts: urgency == .patient)
        guard urgency == .patient else { return }
        patientBytes += bytes
        counted.append((answer, now))
    }

    private mutating func passOver(at now: Instant) {
        let old = counted.prefix { now - $0.began > Self.longestCount }
        for (answer, _) in old where underWay[answer]?.counts == true {
            underWay[answer]?.counts = false
            patientBytes -= underWay[answer]?.bytes ?? 0
        }
        counted.removeFirst(old.count)
    }

    private mutating func measure(_ answer: Answer, at now: Instant) {
        if now - momentBegan >= Self.moment {
            capacity = max(carried, capacity * 0.98)
            carried = 0
            momentBegan = now
        }
        // Of what has taken longer only a part has left in this moment.
        let time = now - answer.began
        carried += Double(answer.bytes) * min(1, Self.moment.seconds / max(time.seconds, 0.001))
    }
}
