package import Vocabulary

/// How fast each urgent answer may leave, so that those who wait together have what they wait for at the same time.
///
/// The roots of a segment's trees ask for their shares at once, and the segment is complete when the last of them has come.
/// Left alone, connections that fill a line together share it by luck: who loses no packet has its share after two thirds
/// of the time, and whoever has lost some does not fill, alone, what the others leave. So none may be faster than an equal
/// part of what the line has carried of such shares, which is seen where nothing holds them back: in a few of all rounds.
/// The most of many counts: a pace that is too fast changes nothing, one that is too slow would cost time.
package struct EvenPace: Sendable {
    /// From the first urgent answer to when none is under way.
    private struct Round {
        let began: Instant
        /// Nobody is held back.
        var isFree: Bool
        /// Acknowledged of each answer.
        var carried: [Int: Int] = [:]
        /// What was, when the line had been full for a while: until then the first bytes are on their way.
        var mark: (bytes: Int, at: Instant)?
        var isMeasured = false

        var bytes: Int { carried.values.reduce(0, +) }
    }

    /// Rounds that count, and one of how many is free. Both halves of what counts have a free one.
    private static let memory = 64
    private static let rarity = 32
    /// Rounds at the beginning that are free.
    private static let lessons = 2
    /// How long the line is given to fill, and at least watched then. Where shares come sooner it does not matter which of
    /// them was the last.
    private static let span = Interval.milliseconds(250)
    /// Who asks for a thousand at once and takes none must not hold back the roots of all trees, which are fewer than this.
    private static let most = 32
    /// A rate that is no less of the best is as good.
    private static let likeness = 0.8

    private var measured: [(rate: Double, answers: Int)] = []
    private var rounds = 0
    private var round: Round?
    private var underWay: [Int: Int] = [:]

    package init() {}

    /// What each answer that is under way may send, in bytes a second; `nil` without bound.
    package var limit: Int? {
        guard let round, !round.isFree, underWay.count > 1, let best = measured.map(\.rate).max() else { return nil }
        return Int(best) / min(underWay.count, Self.most)
    }

    /// So many answers at once have filled the line as well as any. Fewer may not have: what they got is no bound for more.
    private var known: Int {
        let best = measured.map(\.rate).max() ?? 0
        return measured.lazy.filter { $0.rate >= best * Self.likeness }.map(\.answers).max() ?? 0
    }

    package mutating func began(_ answer: Int, _ bytes: Int, at now: Instant) {
        if underWay.isEmpty {
            round = Round(began: now, isFree: measured.count < Self.lessons || rounds % Self.rarity == 0)
            rounds += 1
        }
        underWay[answer] = bytes
        round?.carried[answer] = 0
        if underWay.count > max(1, known) { round?.isFree = true }
    }

    /// The client has acknowledged so much of the answer.
    package mutating func carried(_ answer: Int, _ bytes: Int, at now: Instant) {
        guard let whole = underWay[answer], var round else { return }
        round.carried[answer] = min(bytes, whole)
        if round.mark == nil, now - round.began >= Self.span { round.mark = (round.bytes, now) }
        self.round = round
    }

    package mutating func ended(_ answer: Int, isWhole: Bool, at now: Instant) {
        guard let bytes = underWay.removeValue(forKey: answer), var round else { return }
        if isWhole { round.carried[answer] = bytes }
        // Later, those who are left may not fill the line.
        if isWhole, !round.isMeasured, round.carried.count > 1, let mark = round.mark, now - mark.at >= Self.span {
            round.isMeasured = true
            let rate = Double(round.bytes - mark.bytes) / (now - mark.at).seconds
            measured.append((rate, round.carried.count))
            measured.removeFirst(max(0, measured.count - Self.memory))
        }
        self.round = underWay.isEmpty ? nil : round
        // The line is faster than it was, or others have shares of it who are.
        if underWay.isEmpty, isWhole, round.isFree, round.carried.count > 1, now - round.began < Self.span * 2 {
            measured = []
        }
    }
}
