/// Every check there is.
package enum Checks {
    package static let all: [Check] =
        capacity + offload + delay + dissemination + pull + push + links + audiences + playback + graphs + engine + runs

    package static func named(_ prefix: String) -> [Check] { all.filter { $0.name.hasPrefix(prefix) } }
}
