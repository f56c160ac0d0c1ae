import Glibc
import Vocabulary

/// A line on the terminal: how far the run is, and when it will be done.
struct Progress {
    private let length: Double
    private let isShown: Bool
    private let start = Expense.wall
    private var shown = 0.0

    init(length: Double, isShown: Bool) {
        self.length = length
        self.isShown = isShown
    }

    mutating func reach(_ now: Instant) {
        let wall = Expense.wall
        guard isShown, wall - shown >= 0.2 else { return }
        shown = wall
        let left = (wall - start) / max(0.001, now.seconds) * (length - now.seconds)
        complain("\r\(Int(now.seconds)) of \(Int(length)) s, \(Int(left.rounded(.up))) s to go \u{1B}[K")
    }

    func finish() {
        if isShown { complain("\r\u{1B}[K") }
    }
}
