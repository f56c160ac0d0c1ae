/// What the multivariant playlist promises about a rendition, in bits per second; while a broadcast lives it changes only when
/// it is not kept.
package struct Bandwidth: Hashable, Sendable {
    /// No segment exceeds it.
    package var peak: Int
    package var average: Int

    package init(peak: Int, average: Int) {
        self.peak = peak
        self.average = average
    }

    /// Segments to look at when the container does not tell beforehand how dense it becomes.
    private static let sample = 3

    /// Sound below this is silence, which says nothing of what it becomes; then it is promised as music is commonly encoded.
    private static let silence = 32_000
    private static let music = 128_000

    /// Pictures with fewer than one bit to so many pixels stand still; then they are promised as moving ones are commonly
    /// encoded.
    private static let stillness = 50
    private static let motion = 10

    /// The promise after the first segments, each with its bytes and microseconds; `nil` while it is too early.
    ///
    /// - Parameters:
    ///   - declared: the container's own claim; 0 when it makes none.
    ///   - known: what no segment will exceed, if the container tells; 0 otherwise.
    ///   - isSoundAlone: whether there are no pictures.
    ///   - pixelRate: pixels per second of all pictures; 0 when unknown.
    package init?(
        after segments: [(bytes: Int, duration: Int64)], declared: Int, known: Int, isClosed: Bool,
        isSoundAlone: Bool = false, pixelRate: Int = 0
    ) {
        guard !segments.isEmpty, known > 0 || isClosed || segments.count >= Self.sample else { return nil }
        let rates = segments.map { Self.rate($0.bytes, $0.duration) }
        let densest = rates.max() ?? 0
        let isSilent = isSoundAlone && rates.contains { $0 < Self.silence }
        let isStill = max(densest, declared) < pixelRate / Self.stillness
        let declared = isSilent ? max(declared, Self.music) : isStill ? pixelRate / Self.motion : declared
        let bytes = segments.reduce(0) { $0 + $1.bytes }
        let duration = segments.reduce(0) { $0 + $1.duration }
        let guess = isClosed ? densest : max(Self.withMargin(densest), declared + declared / 4)
        peak = known > 0 ? max(known, densest) : guess
        average = min(peak, max(Self.rate(bytes, duration), isClosed || known > 0 ? 0 : declared))
    }

    /// Half more than what was seen: live encoders spend most on what has not happened yet.
    private static func withMargin(_ densest: Int) -> Int { densest + densest / 2 }

    /// What is promised from now on, if a segment has exceeded it: a representative period is what tells (RFC 8216, section
    /// 4.3.4.2), and what was seen first was none. Stretches of less than half a target duration, such as the last one of a
    /// programme, have no peak (RFC 8216bis, 4.4.6.2).
    package func raised(
        by segment: (bytes: Int, duration: Int64), targetDuration: Int, isClosed: Bool
    ) -> Bandwidth? {
        let rate = Self.rate(segment.bytes, segment.duration)
        guard segment.duration * 2 >= Int64(targetDuration) * 1_000_000, rate > peak else { return nil }
        return Bandwidth(peak: isClosed ? rate : Self.withMargin(rate), average: max(average, rate))
    }

    package static func rate(_ bytes: Int, _ duration: Int64) -> Int {
        Int(Int64(bytes) * 8_000_000 / max(1, duration))
    }
}
