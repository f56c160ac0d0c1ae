package import Vocabulary

/// Those who gave us most, and one more by chance, so that newcomers can show what they have (Cohen, P2PEcon 2003).
package struct ContributorsFirst: ServingPreference {
    package init() {}

    package func choose(_ slots: Int, received: [Int], using random: inout Randomness) -> [Int] {
        let ranked = received.indices.sorted { (received[$1], $0) < (received[$0], $1) }
        var served = Array(ranked.prefix(slots))
        if let lucky = ranked.dropFirst(slots).randomElement(using: &random) { served.append(lucky) }
        return served
    }
}
