import Vocabulary

/// Who takes new pieces of one broadcast from the origin; members are known by their numbers on the roster.
///
/// Whoever holds a seat keeps it until it leaves, falls silent, has little upload to give or its stripe reaches nobody, and
/// its successor gets its very seat, because each change moves pieces that are on their way.
struct Injectors: Sendable {
    struct Seat: Sendable {
        /// `nil` while nobody has succeeded who has left.
        fileprivate(set) var holder: Int?
        /// Since when it has had its holder, or none.
        fileprivate(set) var since: Instant
    }

    private let limit: Int
    /// In the order of their leases.
    private(set) var seats: [Seat] = []
    private var epoch: UInt32
    private var hasChanged = false

    init(limit: Int, epoch: UInt32) {
        self.limit = limit
        self.epoch = epoch
    }

    func seat(of member: Int) -> Int? { seats.firstIndex { $0.holder == member } }

    func lease(of member: Int) -> Lease? {
        seat(of: member).map { Lease(index: $0, count: seats.count, epoch: epoch) }
    }

    /// The seat whose share the stripe is.
    func seat(for stripe: Stripe) -> Seat? { seats.isEmpty ? nil : seats[stripe.number % seats.count] }

    /// Whether there could be one more seat for so many candidates, the holders among them.
    func isShort(of candidates: Int) -> Bool { seats.count < min(limit, candidates) }

    /// The member's number may be another's from now on.
    mutating func vacate(_ member: Int, at now: Instant) {
        if let seat = seat(of: member) { fill(seat, with: nil, at: now) }
    }

    mutating func fill(_ seat: Int, with successor: Int?, at now: Instant) {
        seats[seat] = Seat(holder: successor, since: now)
        hasChanged = true
    }

    mutating func add(_ member: Int, at now: Instant) {
        seats.append(Seat(holder: member, since: now))
        hasChanged = true
    }

    mutating func drop(_ seat: Int) {
        seats.remove(at: seat)
        hasChanged = true
    }

    /// Begins a new epoch if the set is another one than at the last call.
    mutating func settle() {
        if hasChanged { epoch &+= 1 }
        hasChanged = false
    }
}
