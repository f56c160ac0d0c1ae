import Vocabulary

/// Finds a member's number by its name: open addressing (Knuth, TAOCP 6.4, algorithms L and R), never more than half full.
/// A slot is half of the name's keyed hash, which places it, and the number plus one; the name itself is on the card.
struct NumberTable: Sendable {
    private var slots = [UInt64](repeating: 0, count: 16)
    private(set) var count = 0
    private let secret: SwarmSecret

    init(secret: SwarmSecret) { self.secret = secret }

    private func hash(_ peer: PeerID) -> UInt64 {
        let words = peer.key.words
        return secret.mix(secret.mix(words.0, words.1), secret.mix(words.2, words.3)) >> 32
    }

    private var mask: Int { slots.count - 1 }

    func number(of peer: PeerID, on cards: [Roster.Card]) -> Int? {
        let hash = hash(peer)
        var slot = Int(hash) & mask
        while slots[slot] != 0 {
            if slots[slot] >> 32 == hash {
                let number = Int(slots[slot] & 0xffff_ffff) - 1
                if cards[number].peer.key.words == peer.key.words { return number }
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    mutating func insert(_ number: Int, named peer: PeerID) {
        if 2 * (count + 1) > slots.count {
            let all = slots
            slots = [UInt64](repeating: 0, count: 2 * all.count)
            for slot in all where slot != 0 { place(slot) }
        }
        place(hash(peer) << 32 | UInt64(number + 1))
        count += 1
    }

    private mutating func place(_ entry: UInt64) {
        var slot = Int(entry >> 32) & mask
        while slots[slot] != 0 { slot = (slot + 1) & mask }
        slots[slot] = entry
    }

    mutating func remove(_ number: Int, named peer: PeerID) {
        let entry = hash(peer) << 32 | UInt64(number + 1)
        var hole = Int(entry >> 32) & mask
        while slots[hole] != entry {
            precondition(slots[hole] != 0, "only who is here can go")
            hole = (hole + 1) & mask
        }
        count -= 1
        // Whoever was displaced beyond the hole comes back, as if who goes had never been here.
        var next = hole
        while true {
            slots[hole] = 0
            repeat {
                next = (next + 1) & mask
                if slots[next] == 0 { return }
            } while (next - Int(slots[next] >> 32)) & mask < (next - hole) & mask
            slots[hole] = slots[next]
            hole = next
        }
    }
}
