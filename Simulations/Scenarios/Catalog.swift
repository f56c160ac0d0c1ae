package import Simulator
import Vocabulary

/// The built-in scenarios, by name.
package enum Catalog {
    package static let all: [Scenario] = [
        Scenario(name: "thirty", question: "How near to physics do thirty viewers come?") {
            $0.segmentLength = 2 << 20
            $0.segmentDuration = .seconds(4)
            $0.originUplink = 8.39e6 / 8
            $0.uplink = 8.39e6 / 8
            $0.delay = .milliseconds(20)
            $0.length = .seconds(100)
        },
        Scenario(name: "steady", question: "How many copies leave the origin when thirty viewers just watch?"),
        Scenario(name: "alone", question: "Does a single viewer get the whole picture from the origin?") {
            $0.viewers = 1
        },
        Scenario(name: "flash-crowd", question: "What does it cost when everybody comes within two seconds?") {
            $0.viewers = 60
            $0.arrivals = .seconds(2)
        },
        Scenario(name: "free-riders", question: "Who pays when half of the viewers give nothing?") {
            $0.freeRiders = 0.5
            $0.uplink = 16.0e6 / 8
        },
        Scenario(name: "polluters", question: "How far does a lie spread when a tenth of the peers send bad bytes?") {
            $0.polluters = 0.1
        },
        Scenario(name: "exodus", question: "Who stalls when half of the viewers vanish at once?") {
            $0.exodus = (.seconds(30), 0.5)
        },
        Scenario(name: "tracker-outage", question: "Does anybody notice when the tracker is away for twenty seconds?") {
            $0.trackerOutage = Instant.zero + .seconds(20)..<Instant.zero + .seconds(40)
        },
        Scenario(name: "origin-outage", question: "Does the show go on after the origin was away for four seconds?") {
            $0.originOutage = Instant.zero + .seconds(20)..<Instant.zero + .seconds(24)
        },
    ]

    package static func named(_ name: String) -> Scenario? { all.first { $0.name == name } }
}
