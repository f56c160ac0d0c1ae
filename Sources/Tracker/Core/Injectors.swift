import Vocabulary

/// Who takes new pieces of one broadcast from the origin; members are known by their numbers on the roster.
///
/// Whoever has been elected stays until it leaves, falls silent or has no upload to give, and its successor gets its very
/// place, because each change moves pieces that are on their way.
struct Injectors: Sendable {
    let silence: Interval
    private let limit: Int
    /// In the order of their leases; `vacant` where the holder has left and no successor was found yet.
    private(set) var holders: [Int] = []
    private var epoch: UInt32
    private var hasChanged = false

    private static let vacant = -1

    init(limit: Int, silence: Interval, epoch: UInt32) {
        self.limit = limit
        self.silence = silence
        self.epoch = epoch
    }

    func contains(_ member: Int) -> Bool { holders.contains(member) }

    func lease(of member: Int) -> Lease? {
        holders.firstIndex(of: member).map { Lease(index: $0, count: holders.count, epoch: epoch) }
    }

    /// Whether more could be elected out of `candidates` members, the holders among them.
    func isShort(of candidates: Int) -> Bool { holders.count < min(limit, candidates) }

    /// The member's number may be another's from now on.
    mutating func vacate(_ member: Int) {
        if let index = holders.firstIndex(of: member) { holders[index] = Self.vacant }
    }

    /// The last holder before `index` that is not `fit` any more.
    func lastUnfit(before index: Int, fit: (Int) -> Bool) -> Int? {
        holders[..<index].lastIndex { $0 == Self.vacant || !fit($0) }
    }

    /// Gives the place to the successor, or drops it.
    mutating func replace(_ index: Int, by successor: Int?) {
        hasChanged = true
        if let successor { holders[index] = successor } else { holders.remove(at: index) }
    }

    mutating func add(_ member: Int) {
        holders.append(member)
        hasChanged = true
    }

    /// Begins a new epoch if the set is another one than at the last call.
    mutating func settle() {
        if hasChanged { epoch &+= 1 }
        hasChanged = false
    }
}
