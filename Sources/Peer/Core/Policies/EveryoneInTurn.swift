package import Vocabulary

/// Any of them, whatever they gave.
package struct EveryoneInTurn: ServingPreference {
    package init() {}

    package func choose(_ slots: Int, received: [Int], using random: inout Randomness) -> [Int] {
        Array(received.indices.shuffled(using: &random).prefix(slots + 1))
    }
}
