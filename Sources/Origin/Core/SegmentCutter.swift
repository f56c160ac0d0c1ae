import Vocabulary

/// Decides at which keyframes segments begin, so that they average the wished duration and none exceeds the target.
///
/// A cut is due at the first keyframe at or after each multiple of the wished duration. It comes earlier when waiting
/// for the next keyframe, as far away as the farthest one lately, could make the segment longer than the target allows.
/// The target (EXT-X-TARGETDURATION) never changes once it is known. Where no keyframe comes in time a segment is cut
/// without one, and says so: RFC 8216 allows that, and does not allow a segment that is longer than the target.
package struct SegmentCutter: Sendable {
    /// All times are in microseconds of the output's timeline.
    private let wished: Int64
    private let tolerance: Int64
    private var origin: Int64 = 0
    private var segmentStart: Int64?
    private var lastKeyframe: Int64 = 0
    /// The widest spacing of keyframes that was known beforehand.
    private let known: Int64
    /// Spacings of the newest keyframes, oldest first: who spaces them closely again is to have long segments again.
    private var intervals: [Int64] = []
    private static let memory = 16
    private var hasBegunWithKeyframe = true
    /// Nothing is shown yet in the segment that has begun: the next picture begins one, as players expect.
    package private(set) var isBridged = false
    /// In whole seconds; `nil` until the first cut decides it.
    package private(set) var targetDuration: Int?

    /// - Parameters:
    ///   - wished: the segment duration to aim at.
    ///   - targetDuration: what an earlier run has promised already.
    ///   - longestInterval: the widest spacing of keyframes if it is known beforehand.
    package init(wished: Int64, targetDuration: Int?, longestInterval: Int64 = 0) {
        self.wished = max(1, wished)
        // Containers that count in milliseconds place a keyframe just before its multiple.
        tolerance = min(wished / 10, 50_000)
        self.targetDuration = targetDuration
        known = longestInterval
    }

    private var longestInterval: Int64 { intervals.reduce(known, max) }

    /// Whether the keyframe at `time` begins a new segment; the first one always does.
    package mutating func begins(at time: Int64) -> Bool {
        guard let start = segmentStart else {
            origin = time
            segmentStart = time
            lastKeyframe = time
            hasBegunWithKeyframe = true
            return true
        }
        // One hole says nothing about the keyframes to come.
        if !isBridged {
            if intervals.count == Self.memory { intervals.removeFirst() }
            intervals.append(time - lastKeyframe)
        }
        lastKeyframe = time
        let due = origin + ((start + tolerance - origin) / wished + 1) * wished - tolerance
        let elapsed = time - start
        guard elapsed > 0, isBridged || time >= due || elapsed + longestInterval > limit else { return false }
        // What had to begin just before may as well hold this keyframe: who begins there hardly waits for it.
        guard isBridged || hasBegunWithKeyframe || elapsed >= wished / 4 else { return false }
        isBridged = false
        hasBegunWithKeyframe = true
        if targetDuration == nil {
            targetDuration = Self.target(wished: wished, longest: max(longestInterval, elapsed))
        }
        segmentStart = time
        return true
    }

    /// The stream ends at `time`, or breaks off; the next keyframe starts afresh.
    package mutating func finish(at time: Int64) {
        guard let start = segmentStart else { return }
        if targetDuration == nil {
            targetDuration = Self.target(wished: wished, longest: max(longestInterval, time - start))
        }
        segmentStart = nil
        isBridged = false
    }

    private var limit: Int64 {
        let target = targetDuration ?? Self.target(wished: wished, longest: longestInterval)
        return Int64(target) * 1_000_000 + 499_999
    }

    /// How long a segment may become for want of a keyframe.
    private var longest: Int64 { targetDuration == nil ? max(limit, Self.patience) : limit }

    /// Whether a segment must begin at `time`, which is no keyframe, because the one before would become too long.
    ///
    /// - Parameter length: how long the picture at `time` is shown.
    package mutating func mustBegin(at time: Int64, length: Int64) -> Bool {
        guard let start = segmentStart, time > start else { return false }
        let elapsed = time - start
        guard isBridged || elapsed + length > longest else { return false }
        if isBridged { lastKeyframe = time }
        isBridged = false
        hasBegunWithKeyframe = false
        if targetDuration == nil {
            targetDuration = Self.target(wished: wished, longest: max(longestInterval, elapsed))
        }
        segmentStart = time
        return true
    }

    /// Where a segment must begin without any picture, because none comes before `time` and the one before would become
    /// too long; `nil` when it would not.
    ///
    /// - Parameter shown: when the newest picture begins.
    package mutating func mustBegin(between shown: Int64, and time: Int64) -> Int64? {
        guard let start = segmentStart, time - start > longest else { return nil }
        let next = min(max(start + wished, shown + 1_000), start + longest)
        guard next > start, next < time, mustBegin(at: next, length: longest) else { return nil }
        lastKeyframe = next
        isBridged = true
        return next
    }

    /// The latest end of a segment after which nothing is shown before `time`; `nil` when it may last until then.
    package func mustEnd(before time: Int64) -> Int64? {
        guard let start = segmentStart, time - start > longest else { return nil }
        return start + longest
    }

    /// Keyframes are too far apart for segments that are as short as wished; known after the first of them.
    package var hasWideKeyframes: Bool { longestInterval > 2 * wished }

    /// How long the first segment may become while nothing is promised yet.
    private static let patience: Int64 = 10_000_000

    /// No segment that the target allows is longer than records may tell.
    private static let longestTarget = Int(Limits.duration.upperBound / 1_000_000) - 1

    private static func target(wished: Int64, longest: Int64) -> Int {
        min(longestTarget, max(1, Int((wished + 999_999) / 1_000_000), Int((longest + 500_000) / 1_000_000)))
    }
}
