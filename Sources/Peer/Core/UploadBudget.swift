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

    /// Whether anything may be sent now.
    mutating func hasCredit(at now: Instant) -> Bool {
        guard let rate else { return true }
        let capacity = max(Double(rate) / 4, Double(PieceID.length))
        tokens = min(capacity, tokens + (now - updated).seconds * Double(rate))
        updated = now
        return tokens > 0
    }

    /// Pays for `bytes`; a debt delays what comes after.
    mutating func spend(_ bytes: Int) {
        if rate != nil { tokens -= Double(bytes) }
    }
}
