import Vocabulary

/// Who takes new pieces of one broadcast from the origin.
///
/// Whoever has been elected stays until it leaves, falls silent or has no upload to give, and its successor gets its very
/// place, because each change moves pieces that are on their way.
struct Injectors: Sendable {
    let silence: Interval
    private let limit: Int
    /// In the order of their leases.
    private(set) var holders: [PeerID] = []
    private var epoch: UInt32
    private var hasChanged = false

    init(limit: Int, silence: Interval, epoch: UInt32) {
        self.limit = limit
        self.silence = silence
        self.epoch = epoch
    }

    func contains(_ peer: PeerID) -> Bool { holders.contains(peer) }

    func lease(of peer: PeerID) -> Lease? {
        holders.firstIndex(of: peer).map { Lease(index: $0, count: holders.count, epoch: epoch) }
    }

    /// Whether more could be elected out of `candidates` peers, the holders among them.
    func isShort(of candidates: Int) -> Bool { holders.count < min(limit, candidates) }

    /// Replaces the holders that are not `fit` any more by what `successor` finds for their place, or drops them.
    mutating func renew(fit: (PeerID) -> Bool, successor: (Int, [PeerID]) -> PeerID?) {
        for index in holders.indices.reversed() where !fit(holders[index]) {
            hasChanged = true
            if let next = successor(index, holders) { holders[index] = next } else { holders.remove(at: index) }
        }
    }

    mutating func add(_ peer: PeerID) {
        holders.append(peer)
        hasChanged = true
    }

    /// Begins a new epoch if the set is another one than at the last call.
    mutating func settle() {
        if hasChanged { epoch &+= 1 }
        hasChanged = false
    }
}
