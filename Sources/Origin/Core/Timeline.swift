/// Mends what a source says about time: one clock that goes on, whatever its counters do.
///
/// Times are in units of 1/90000 s. MPEG-TS counts in 33 bits, which wrap after 26 hours; RTMP in 32 bits of
/// milliseconds, which wrap after 49 days, and libavformat sends 31 of them. A wrap is undone without a trace. Anything
/// else that is not near the last times of other packets is a jump: the caller begins anew at the next keyframe.
package struct Timeline: Sendable {
    package enum Verdict: Hashable, Sendable {
        /// Add this to the packet's times.
        case fits(Int64)
        /// It is far from what it belongs to; the source as a whole has not jumped yet.
        case stray
        case jumped
    }

    /// How far a time may lie before or after the newest one.
    private static let back: Int64 = 90_000
    private let ahead: Int64
    private static let moduli: [Int64] = [1 << 33, (1 << 32) * 90, (1 << 31) * 90]

    /// Of the leading stream.
    private var newest: Int64?
    /// Of all streams: what leads may stop for long while others go on.
    private var farthest = Int64.min
    private var correction: Int64 = 0
    private var strays = 0

    /// - Parameter ahead: how long a source may be silent without having jumped.
    package init(ahead: Int64 = 900_000) { self.ahead = ahead }

    /// Judges the decoding time of a packet; those of the leading stream decide for all.
    package mutating func judge(_ time: Int64, isLeading: Bool, isKeyframe: Bool = false) -> Verdict {
        guard let newest else {
            guard isLeading else { return .stray }
            self.newest = time
            return .fits(0)
        }
        let span = newest - Self.back...max(newest, farthest) + ahead
        var fitting = span.contains(time + correction) ? correction : nil
        if fitting == nil {
            fitting = Self.moduli.flatMap { [correction + $0, correction - $0] }.first { span.contains(time + $0) }
        }
        if let fitting {
            farthest = max(farthest, time + fitting)
            if isLeading {
                correction = fitting
                self.newest = time + fitting
                strays = 0
            }
            return .fits(fitting)
        }
        guard isLeading else { return .stray }
        // One damaged stamp is no jump; the next packets show which it was.
        strays += 1
        guard isKeyframe || strays > 2 else { return .stray }
        return .jumped
    }

    /// Begins anew with whatever comes.
    package mutating func reset() { self = Timeline(ahead: ahead) }
}
