package import Vocabulary

/// Notices that a live source has sent no keyframe for too long.
package struct KeyframeWatch: Sendable {
    /// In seconds.
    package let patience: Int
    private var last: Instant?
    private var isSaid = false

    package init(patience: Int = 20) { self.patience = patience }

    /// Told of each picture; true once for every stretch that is too long.
    package mutating func misses(isKeyframe: Bool, at now: Instant) -> Bool {
        guard let last, !isKeyframe else {
            self.last = now
            isSaid = false
            return false
        }
        guard !isSaid, now - last > .seconds(Double(patience)) else { return false }
        isSaid = true
        return true
    }
}
