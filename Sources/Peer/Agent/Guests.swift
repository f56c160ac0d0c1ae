package import PeerCore
import Vocabulary

/// Who has dialled us, and whether one more may come in.
///
/// Whoever has not yet shaken hands makes room for newcomers, the oldest first: silent sockets keep nobody out.
package struct Guests {
    package enum Answer: Hashable {
        case comeIn
        /// Somebody else has to leave for it.
        case insteadOf(LinkID)
        case full
    }

    private var addresses: [LinkID: [UInt8]] = [:]
    /// Those who have not shaken hands, in the order they came.
    private var strangers: [LinkID] = []

    package init() {}

    package mutating func admit(_ link: LinkID, from address: [UInt8]) -> Answer {
        let fromThere = addresses.values.count { $0 == address }
        let isAddressFull = !DialBudget.isLoopback(address) && fromThere >= Limits.linksPerAddress
        var answer = Answer.comeIn
        if isAddressFull || addresses.count >= Limits.linksTaken {
            guard let oldest = strangers.first(where: { !isAddressFull || addresses[$0] == address }) else {
                return .full
            }
            remove(oldest)
            answer = .insteadOf(oldest)
        }
        addresses[link] = address
        strangers.append(link)
        return answer
    }

    package mutating func shookHands(_ link: LinkID) { strangers.removeAll { $0 == link } }

    package mutating func remove(_ link: LinkID) {
        addresses[link] = nil
        strangers.removeAll { $0 == link }
    }
}
