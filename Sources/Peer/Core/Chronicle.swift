import Vocabulary

/// What the origin has said so far about our rendition: which record stands for which number, and which is newest.
///
/// Refuses what is not from this broadcast, what is older than the window, and what jumps too far ahead. Two different
/// records for one number, or a record that does not name its neighbor's hash, prove that the origin equivocates.
struct Chronicle: Sendable {
    enum Verdict: Hashable {
        case accepted
        case known
        case stale
        case foreign
        case tooFarAhead
        case equivocation
    }

    struct Entry: Sendable {
        fileprivate let statement: Statement
        let arrival: Instant

        var record: Record { statement.record }
        var digest: Word256 { statement.digest }
    }

    /// Records kept, newest included; a record older than that is stale.
    static let depth: UInt64 = 64
    /// How far a neighbor's record may run ahead of what we know. The origin's own word has no such bound.
    static let leap: UInt64 = 256

    private let broadcast: BroadcastID
    private let rendition: UInt8
    private(set) var epoch: UInt32 = 0
    private(set) var newest: UInt64?
    /// Ascending, and at each place what is known of it.
    private(set) var sequences: [UInt64] = []
    private var entries: [Entry] = []
    /// How long the longest segment plays, in seconds; from the head, or the longest seen.
    var targetDuration = 2

    init(broadcast: BroadcastID, rendition: UInt8) {
        self.broadcast = broadcast
        self.rendition = rendition
    }

    subscript(sequence: UInt64) -> Entry? { place(sequence).map { entries[$0] } }

    func knows(_ sequence: UInt64) -> Bool { place(sequence) != nil }

    /// Sequences mostly follow each other without a hole.
    private func place(_ sequence: UInt64) -> Int? {
        guard let first = sequences.first, sequence >= first else { return nil }
        let guess = sequence - first
        if guess < UInt64(sequences.count), sequences[Int(guess)] == sequence { return Int(guess) }
        return sequences.firstIndex(of: sequence)
    }

    var isClosed: Bool { newest.flatMap { self[$0] }?.record.isLast ?? false }

    mutating func judge(_ statement: Statement, from source: Source, at now: Instant) -> Verdict {
        let (record, digest) = (statement.record, statement.digest)
        let sequence = record.segment.sequence
        guard record.broadcast == broadcast, record.segment.rendition == rendition else { return .foreign }
        if let newest {
            guard record.epoch >= epoch else { return .stale }
            guard source == .origin || record.epoch == epoch && sequence <= newest + Self.leap else {
                return .tooFarAhead
            }
            if record.epoch > epoch { forgetAll() }
        }
        if let entry = self[sequence] { return entry.digest == digest ? .known : .equivocation }
        if let newest, sequence + Self.depth <= newest { return .stale }
        if sequence > 0, let before = self[sequence - 1], before.digest != record.previous { return .equivocation }
        if let after = self[sequence + 1], after.record.previous != digest { return .equivocation }
        epoch = record.epoch
        let place = sequences.firstIndex { $0 > sequence } ?? sequences.endIndex
        sequences.insert(sequence, at: place)
        entries.insert(Entry(statement: statement, arrival: now), at: place)
        newest = max(newest ?? 0, sequence)
        targetDuration = max(targetDuration, Int((record.duration + 500_000) / 1_000_000))
        return .accepted
    }

    /// Sequences that have fallen out of the window, removed.
    mutating func expire() -> [UInt64] {
        guard let newest else { return [] }
        let old = sequences.prefix { $0 + Self.depth <= newest }
        guard !old.isEmpty else { return [] }
        let expired = Array(old)
        sequences.removeFirst(expired.count)
        entries.removeFirst(expired.count)
        return expired
    }

    private mutating func forgetAll() {
        entries = []
        sequences = []
        newest = nil
    }
}
