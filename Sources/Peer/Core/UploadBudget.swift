import Vocabulary

/// How many bytes we may still send now: a token bucket that holds a quarter of a second.
struct UploadBudget: Sendable {
    /// Bytes per second; `nil` for no cap.
    private let rate: Int?
    private var tokens: Double
    private var updated: Instant

    init(rate: Int?, at now: Instant) {
        self.rate = rate
        tokens = Double(rate ?? 0) / 4
        updated = now
    }

    /// Pays for `bytes` if there is any credit left; the debt delays what comes after.
    mutating func spend(_ bytes: Int, at now: Instant) -> Bool {
        guard let rate else { return true }
        let capacity = max(Double(rate) / 4, Double(PieceID.length))
        tokens = min(capacity, tokens + (now - updated).seconds * Double(rate))
        updated = now
        guard tokens > 0 else { return false }
        tokens -= Double(bytes)
        return true
    }
}
