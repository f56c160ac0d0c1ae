package import Vocabulary

/// The decisions that may be exchanged for others, one value per question, each known by name.
///
/// To add one: a file in this folder with a type that conforms to the question's protocol, and a line in its list here.
package struct Policies: Sendable {
    /// Which missing piece is asked for first.
    package var pieces: any PiecePreference = DeadlineThenRarest()
    /// Which neighbor pushes a stripe to us.
    package var parents: any ParentPreference = LeastLoaded()
    /// Whose wants are served.
    package var serving: any ServingPreference = ContributorsFirst()
    /// When an injector takes which stripe from the origin.
    package var injection: any InjectionRule = LeasedStripes()
    /// When the origin is asked for what neighbors have not brought.
    package var fallback: any FallbackRule = WhenSlackRunsOut()
    /// Whether stripes are pushed at all, or every piece is pulled.
    package var pushes = true

    package init() {}

    private static let pieceChoices: [any PiecePreference.Type] = [
        DeadlineThenRarest.self, EarliestDeadline.self, RarestFirst.self, LatestUseful.self, RandomUseful.self,
    ]
    private static let parentChoices: [any ParentPreference.Type] = [
        LeastLoaded.self, NearestOrigin.self, RandomParent.self,
    ]
    private static let servingChoices: [any ServingPreference.Type] = [ContributorsFirst.self, EveryoneInTurn.self]
    private static let injectionChoices: [any InjectionRule.Type] = [
        LeasedStripes.self, RandomTimers.self, EveryoneAtOnce.self,
    ]
    private static let fallbackChoices: [any FallbackRule.Type] = [WhenSlackRunsOut.self, FixedWindow.self]
    private static let pushChoices = ["Push", "PullOnly"]

    /// The questions, and the names of the answers to each; the first is what is done by default.
    package static let names: [(question: String, answers: [String])] = [
        ("pieces", pieceChoices.map { "\($0)" }), ("parents", parentChoices.map { "\($0)" }),
        ("serving", servingChoices.map { "\($0)" }), ("injection", injectionChoices.map { "\($0)" }),
        ("fallback", fallbackChoices.map { "\($0)" }), ("transfer", pushChoices),
    ]

    /// Answers `question` by the policy called `name`; returns false when there is no such question or policy.
    package mutating func choose(_ name: String, for question: String) -> Bool {
        guard Self.names.first(where: { $0.question == question })?.answers.contains(name) == true else { return false }
        switch question {
        case "pieces": if let choice = Self.pieceChoices.first(where: { "\($0)" == name }) { pieces = choice.init() }
        case "parents": if let choice = Self.parentChoices.first(where: { "\($0)" == name }) { parents = choice.init() }
        case "serving":
            if let choice = Self.servingChoices.first(where: { "\($0)" == name }) { serving = choice.init() }
        case "injection":
            if let choice = Self.injectionChoices.first(where: { "\($0)" == name }) { injection = choice.init() }
        case "fallback":
            if let choice = Self.fallbackChoices.first(where: { "\($0)" == name }) { fallback = choice.init() }
        default: pushes = name == Self.pushChoices[0]
        }
        return true
    }
}

/// Orders the missing pieces of one segment that neighbors have.
package protocol PiecePreference: Sendable {
    init()
    /// `pieces` comes ascending and leaves with the most wanted first; `holders` counts the neighbors that have a piece.
    /// `slack` is the time until the segment is needed, in units of its playing time.
    func sort(_ pieces: inout [Int], holders: (Int) -> Int, slack: Double, using random: inout Randomness)
    /// Whether newer segments come before older ones.
    var prefersNewest: Bool { get }
}

extension PiecePreference {
    package var prefersNewest: Bool { false }
}

/// What is known of a neighbor that could push a stripe.
package struct ParentCandidate: Sendable {
    package let link: LinkID
    package let offer: Offer
    /// The time that a piece takes from it, queues included.
    package let pieceTime: Interval
    /// It has older segments to catch up with before it has the newest.
    package let isBehind: Bool

    /// Children per slot: 1 is full.
    package var load: Double { Double(offer.children) / Double(max(1, offer.slots)) }
}

/// Chooses who pushes a stripe to us.
package protocol ParentPreference: Sendable {
    init()
    /// Lower is better. `relays` tells that we push the stripe on ourselves, so that our depth is that of others.
    func cost(_ candidate: ParentCandidate, relays: Bool, using random: inout Randomness) -> Double
}

/// Chooses whose wants are served while there are more neighbors than slots.
package protocol ServingPreference: Sendable {
    init()
    /// `received` are the bytes that each neighbor gave us; returns the places of those that are served.
    func choose(_ slots: Int, received: [Int], using random: inout Randomness) -> [Int]
}

/// Says when one injector takes a stripe of a new segment from the origin.
package protocol InjectionRule: Sendable {
    init()
    /// How long after its record an injector without word from others takes the stripe; `nil` for never.
    func delay(_ stripe: Stripe, lease: Lease?, neighbors: Int, chance: Double) -> Interval?
}

/// Says when the origin is asked for what is missing of a segment.
package protocol FallbackRule: Sendable {
    init()
    /// The slack below which it is: `fetch` is what the origin is expected to take, `wait` the time since the record came,
    /// and `usual` how long segments have taken through the swarm lately, if they have come that way.
    func threshold(fetch: Interval, slack: Interval, wait: Interval, usual: Interval?) -> Interval
}
