import PeerCore

/// A fact that is on its way. What a viewer says to all of its neighbors in the same words, as most is, is kept once.
struct Letter {
    fileprivate(set) var fact: Swarm.Fact
    fileprivate(set) var copies: Int32 = 1
}

/// All letters that are on their way, by number.
struct Post {
    private var letters = Slab<Letter>()
    private var last = 0

    /// - Parameter isCommon: the fact before may have been the same, to another viewer.
    mutating func send(_ fact: Swarm.Fact, isCommon: Bool = false) -> Int {
        if isCommon, last < letters.places.count, letters[last].copies > 0, letters[last].fact.says(fact) {
            letters[last].copies += 1
            return last
        }
        last = letters.insert(Letter(fact: fact))
        return last
    }

    /// Takes one copy out.
    mutating func take(_ number: Int) -> Swarm.Fact {
        letters[number].copies -= 1
        guard letters[number].copies == 0 else { return letters[number].fact }
        return letters.take(number, leaving: Letter(fact: .timePassed, copies: 0)).fact
    }
}

extension Swarm.Fact {
    /// Whether it is word for word the same, over whichever link.
    fileprivate func says(_ other: Swarm.Fact) -> Bool {
        switch (self, other) {
        case (.offered(_, let offers), .offered(_, let others)): offers == others
        case (.holds(_, let segment, let pieces), .holds(_, let another, let others)):
            segment == another && pieces == others
        case (.fetching(_, let segment, let indices), .fetching(_, let another, let others)):
            segment == another && indices == others
        case (.stated(let statement, _), .stated(let other, _)): statement === other
        default: false
        }
    }

    /// The same over `link`.
    func heard(over link: LinkID) -> Swarm.Fact {
        switch self {
        case .offered(_, let offers): .offered(link, offers)
        case .holds(_, let segment, let pieces): .holds(link, segment, pieces)
        case .fetching(_, let segment, let indices): .fetching(link, segment, indices)
        case .stated(let statement, _): .stated(statement, from: .neighbor(link))
        default: self
        }
    }
}
