package import Scenarios
package import Vocabulary

/// Who comes, when, and with what: drawn before the first event, so that no policy changes it.
package struct Seat: Hashable, Sendable {
    package enum Role: UInt8, Sendable {
        case viewer, freeRider, stalled, liar, polluter

        var name: String { Guest.roles[Int(rawValue)] }

        /// Whether others get pieces from it that they can use. Liars send those that they have.
        package var gives: Bool { self == .viewer || self == .liar }
    }

    package fileprivate(set) var join = Instant.zero
    package fileprivate(set) var leave = Instant.distantFuture
    /// Bytes per second.
    package fileprivate(set) var up = 0.0
    package fileprivate(set) var down = 0.0
    package fileprivate(set) var region = 0
    /// A place in `Scenario.natKinds`.
    package fileprivate(set) var nat: UInt8 = 0
    package fileprivate(set) var role = Role.viewer
    /// The viewer whose line this one shares; itself for most.
    package fileprivate(set) var home: Int
    /// The class of its line, for groups in figures.
    fileprivate(set) var group = 0

    /// Nobody is connected without any uplink at all; bytes per second.
    private static let slowest = 4_000.0

    /// What its line carries up beside a stream of `rate`. Requests and acknowledgements take a twentieth of the stream;
    /// a line without an uplink has one for those.
    func uplink(beside rate: Double) -> Double { max(up > 0 ? up : rate / 16, Self.slowest) }
}

package struct Attendance {
    /// Each draws from numbers of its own.
    private enum Purpose: UInt64 {
        case newcomer = 1, session, line, downlink, region, nat, role, home, exodus, arrival, replacement
    }

    private let scenario: Scenario
    /// In the order of their joining.
    package private(set) var seats: [Seat] = []

    /// Viewers come when the first segment is there.
    private static let opening = Instant.zero + .milliseconds(100)

    package init(_ scenario: Scenario) {
        self.scenario = scenario
        seats = joins().enumerated().map { Seat(join: $1, home: $0) }
        if case .trace(_, let guests) = scenario.arrivals {
            furnish()
            // Who comes after the end has no seat.
            for (index, guest) in zip(seats.indices, guests) { apply(guest, to: index) }
        } else {
            furnish()
            leaveInTurn()
        }
        if let exodus = scenario.exodus { leaveAtOnce(exodus) }
        for index in seats.indices where seats[index].up == 0 && seats[index].role == .viewer {
            seats[index].role = .freeRider
        }
    }

    private func joins() -> [Instant] {
        let count = scenario.viewers
        let opening = Self.opening
        var joins: [Instant]
        switch scenario.arrivals {
        case .atOnce: joins = Array(repeating: opening, count: count)
        case .over(let time):
            joins = (0..<count).map { opening + .seconds(time * Double($0) / Double(count)) }
        case .flashCrowd(let base, let time, let within):
            let crowd = Double(max(1, count - base))
            // One after the other, and all of them before the crowd.
            let pause = Interval.seconds(min(0.1, time / Double(max(1, base))))
            joins = (0..<count).map { index in
                guard index >= base else { return opening + pause * Double(index) }
                return opening + .seconds(time + within * Double(index - base) / crowd)
            }
        case .poisson(let rate): joins = poisson(rate, .arrival, from: opening, limit: count)
        case .trace(_, let guests): joins = guests.map { .zero + .seconds($0.join) }
        }
        if scenario.churn > 0 { joins += newcomers(after: joins) }
        let end = Instant.zero + .seconds(scenario.length)
        return joins.filter { $0 < end }.sorted()
    }

    /// As many as leave: in proportion to those who have come before.
    private func newcomers(after joins: [Instant]) -> [Instant] {
        let count = joins.count
        var random = generator(.replacement)
        var come = 0
        return poisson(
            scenario.churn * Double(count), .newcomer, from: joins.first ?? Self.opening, limit: 10_000_000
        ).filter { time in
            while come < count, joins[come] <= time { come += 1 }
            return come == count || Int.random(in: 0..<count, using: &random) < come
        }
    }

    private func poisson(_ rate: Double, _ purpose: Purpose, from start: Instant, limit: Int) -> [Instant] {
        var random = generator(purpose)
        var joins: [Instant] = []
        var time = start
        let end = Instant.zero + .seconds(scenario.length)
        while joins.count < limit {
            time = time + .seconds(Sampling.exponential(at: Double.random(in: 0..<1, using: &random)) / rate)
            guard time < end else { return joins }
            joins.append(time)
        }
        return joins
    }

    private func generator(_ purpose: Purpose) -> Randomness {
        Randomness(seed: Randomness.mix(scenario.seed &* 0x9E37_79B9_7F4A_7C15 ^ purpose.rawValue))
    }

    /// One number from 0 to 1 for each viewer, evenly spread: half of the viewers are exactly half.
    private func quantiles(_ purpose: Purpose) -> [Double] {
        var random = generator(purpose)
        let ranks = seats.indices.shuffled(using: &random)
        return ranks.map { (Double($0) + 0.5) / Double(seats.count) }
    }

    private mutating func furnish() {
        let rate = scenario.bitrate
        let lines = quantiles(.line)
        let downlinks = quantiles(.downlink)
        let roles = quantiles(.role)
        let regions = scenario.regions.map { ($0, quantiles(.region)) }
        let nats = scenario.nat.map { ($0, quantiles(.nat)) }
        for index in seats.indices {
            switch scenario.lines {
            case .spread(let up, let down):
                seats[index].up = up.bytesPerSecond(at: lines[index], beside: rate)
                seats[index].down = down.bytesPerSecond(at: downlinks[index], beside: rate)
            case .classes, .mix: classify(index, at: lines[index])
            }
            seats[index].role = role(at: roles[index])
            if seats[index].role == .freeRider, let uplink = scenario.freeRiderUplink {
                seats[index].up = uplink.bytesPerSecond(beside: rate)
            }
            if let (mixture, places) = regions { settle(index, in: mixture.name(at: places[index])) }
            if let (mixture, places) = nats { hide(index, behind: mixture.name(at: places[index])) }
        }
        if let shared = scenario.sharedLines { share(shared) }
    }

    private mutating func classify(_ index: Int, at quantile: Double) {
        let classes = scenario.lines.classes ?? []
        var rest = quantile
        var place = 0
        while place < classes.count - 1, rest >= classes[place].share {
            rest -= classes[place].share
            place += 1
        }
        seats[index].group = place
        seats[index].up = classes[place].up.bytesPerSecond(beside: scenario.bitrate)
        seats[index].down = classes[place].down.bytesPerSecond(beside: scenario.bitrate)
    }

    private func role(at quantile: Double) -> Seat.Role {
        var rest = quantile
        let shares: [(Double, Seat.Role)] = [
            (scenario.freeRiders, .freeRider), (scenario.stalledPeers, .stalled), (scenario.liars, .liar),
            (scenario.polluters, .polluter),
        ]
        for (share, role) in shares {
            guard rest >= share else { return role }
            rest -= share
        }
        return .viewer
    }

    private mutating func settle(_ index: Int, in region: String) {
        seats[index].region = scenario.regionDelays.names.firstIndex(of: region) ?? 0
    }

    private mutating func hide(_ index: Int, behind nat: String) {
        seats[index].nat = UInt8(Scenario.natKinds.firstIndex(of: nat) ?? 0)
    }

    /// Some homes have several viewers behind the line of the first.
    private mutating func share(_ shared: Scenario.SharedLines) {
        var random = generator(.home)
        let inhabitants = seats.indices.shuffled(using: &random).prefix(
            Int((shared.share * Double(seats.count)).rounded()))
        let order = Array(inhabitants)
        for start in stride(from: 0, to: order.count - shared.size + 1, by: shared.size) {
            let home = order[start..<start + shared.size].min() ?? order[start]
            for viewer in order[start..<start + shared.size] {
                seats[viewer].home = home
                (seats[viewer].up, seats[viewer].down) = (seats[home].up, seats[home].down)
            }
        }
    }

    private mutating func leaveInTurn() {
        var random = generator(.session)
        for index in seats.indices {
            let quantile = Double.random(in: 0..<1, using: &random)
            let stay =
                scenario.churn > 0
                ? Sampling.exponential(at: quantile) / scenario.churn : scenario.sessions.seconds(at: quantile)
            if let stay { seats[index].leave = seats[index].join + .seconds(stay) }
        }
    }

    private mutating func leaveAtOnce(_ exodus: Scenario.Exodus) {
        var random = generator(.exodus)
        let moment = Instant.zero + .seconds(exodus.time)
        let here = seats.indices.filter { seats[$0].join < moment && seats[$0].leave > moment }
        let count = Int((exodus.share * Double(here.count)).rounded())
        for index in here.shuffled(using: &random).prefix(count) { seats[index].leave = moment }
    }

    private mutating func apply(_ guest: Guest, to index: Int) {
        if let leave = guest.leave { seats[index].leave = .zero + .seconds(leave) }
        if let up = guest.up { seats[index].up = up / 8 }
        if let down = guest.down { seats[index].down = down / 8 }
        if let region = guest.region { settle(index, in: region) }
        if let nat = guest.nat { hide(index, behind: nat) }
        if let role = guest.role.flatMap(Guest.roles.firstIndex(of:)).flatMap({ Seat.Role(rawValue: UInt8($0)) }) {
            seats[index].role = role
        }
    }
}
