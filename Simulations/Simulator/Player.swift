import Vocabulary

/// A player before one viewer's screen: it asks for segment after segment and plays what is whole.
struct Player {
    /// The next segment that it asks for; `nil` until there is a playlist.
    var next: Int?
    /// It has asked for `next` and waits.
    var isWaiting = false
    private var buffered = Interval.zero
    /// Until when it has something to play; `nil` until it has started.
    private(set) var played: Instant?
    private(set) var stalls = 0
    private(set) var stalled = Interval.zero

    /// Segments before the end of a playlist at which players begin (RFC 8216, section 6.3.3).
    static let startDepth = 3
    /// A freeze shorter than this is not seen.
    static let tolerance = Interval.milliseconds(100)

    /// A segment is whole; returns how long the picture has stood still before, if anybody saw it.
    mutating func receive(_ duration: Interval, buffer: Interval, at now: Instant) -> Interval? {
        guard let until = played else {
            buffered = buffered + duration
            if buffered >= buffer { played = now + buffered }
            return nil
        }
        let late = now - until
        guard late > Self.tolerance else {
            played = until + duration
            return nil
        }
        stalls += 1
        stalled = stalled + late
        played = now + duration
        return late
    }

    /// The broadcast or the viewing ends: a picture that stands still now has stalled, too.
    mutating func end(at now: Instant) -> Interval? {
        guard let until = played, now - until > Self.tolerance else { return nil }
        stalls += 1
        stalled = stalled + (now - until)
        return now - until
    }

    func isPlaying(at now: Instant) -> Bool { played.map { $0 + Self.tolerance >= now } ?? false }
}
