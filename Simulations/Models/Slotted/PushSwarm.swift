import Vocabulary

/// Everybody sends one chunk in each slot; nobody asks (Bonald, Massoulié, Mathieu, Perino, Twigg, SIGMETRICS 2008).
///
/// All decide at once, on the state at the start of the slot; a chunk that reaches somebody twice in a slot is wasted
/// once. The origin hands each new chunk to one viewer, and a chunk that arrives in the slot of its birth took one slot.
package struct PushSwarm: Sendable {
    /// Which chunk, to whom.
    package enum Scheme: String, CaseIterable, Sendable {
        /// The newest that the sender has, to anybody.
        case latestBlind = "lb/rp"
        /// The newest that the sender has, to one of those who lack it.
        case latestToUseful = "lb/rup"
        /// To anybody, the newest that he lacks.
        case latestUseful = "rp/lu"
        /// To anybody, any that he lacks.
        case randomUseful = "rp/ru"
        /// To who lacks most of what the sender has, among some that are asked; the newest that he lacks.
        case mostDeprived = "dp/lu"
    }

    package var viewers: Int
    package var scheme: Scheme
    /// New chunks come in `chunks` of every `slots` slots.
    package var chunks = 1
    package var slots = 1
    /// Chunks that viewers remember; what is missing when it leaves the window is missed. At most 63.
    package var window = 60
    /// Viewers that `mostDeprived` asks.
    package var probes = 8
    /// Neighbors that each viewer picks; `nil` when everybody knows everybody.
    package var picks: Int?
    /// A viewer takes one chunk in a slot, from whoever is first; the origin is before all others.
    package var takesOne = false
    /// Who is first is drawn in each slot; otherwise the same viewers always are.
    package var drawsOrder = true
    /// Chunks that a viewer sends in a slot, and viewers to whom the origin gives each chunk.
    package var sends = 1
    package var copies = 1
    /// Chunks that each viewer sends in a slot on average, in place of `sends`; empty when all are alike.
    package var paces: [Double] = []
    /// Slots that viewers stay; who leaves is replaced at once by somebody who has nothing. `nil` when nobody leaves.
    package var sessions: Law?
    /// The slots in which each viewer is there; empty when all always are. Takes the place of `sessions` and `picks`.
    package var attendance: [Range<Int>] = []
    /// Slots counted for the slot of a chunk's birth.
    package var firstSlot = 1

    package init(viewers: Int, scheme: Scheme, chunks: Int = 1, slots: Int = 1) {
        self.viewers = viewers
        self.scheme = scheme
        self.chunks = chunks
        self.slots = slots
    }

    package struct Figures: Hashable, Sendable {
        package var missRatio: Estimate
        package var meanDelay: Estimate
        package var delayP50: Int
        package var delayP95: Int
        /// How often each delay was counted, in slots.
        package var delayCounts: [Int]
        /// How each chunk fared, in the order of birth; only with an attendance.
        package var courses: [Course] = []
    }

    package struct Course: Hashable, Sendable {
        /// The slot.
        package var birth: Int
        /// Viewers that were there from its birth to the end of its window, and those of them that got it from viewers or
        /// as the origin's first copies.
        package var due: Int
        package var held: Int
    }

    /// Measures `count` chunks after a warm-up of `warmUp`.
    package func run(chunks count: Int, warmUp: Int, seed: UInt64) -> Figures {
        var run = Run(self, seed: seed)
        while run.emitted < warmUp + count + window {
            run.step()
            if run.retired == warmUp, !run.isCounting { run.isCounting = true }
        }
        return run.figures
    }

    private struct Run {
        let swarm: PushSwarm
        let n: Int
        let windowMask: UInt64
        var random: Randomness
        /// Bit a is set when the viewer has the chunk that is a chunks older than the newest.
        var have: [UInt64]
        var incoming: [UInt64]
        /// By age, how many have the chunk, the sum of their delays and the slot of its birth.
        var holders: [Int]
        var delays: [Int]
        var births: [Int]
        /// By age, delays of each chunk until it is counted or dropped.
        var histograms: [[Int]]
        var neighbors: [[Int32]] = []
        var lacking: [[Int32]?]
        var order: [Int32] = []
        var slot = 0
        var credit = 0
        /// Parts of a chunk that each viewer has not used of its pace.
        var credits: [Double]
        var joined: [Int]
        var coming = Agenda()
        /// Who is there, and where in it each viewer is; only with an attendance.
        var here: [Int32] = []
        var places: [Int32] = []
        var courses: [Course] = []
        var leaving = Agenda()
        var emitted = 0
        var retired = 0
        var isCounting = false
        var missed: [Double] = []
        var delaySums: [Double] = []
        var delayCounts: [Double] = []
        var histogram: [Int]

        init(_ swarm: PushSwarm, seed: UInt64) {
            self.swarm = swarm
            n = swarm.viewers
            windowMask = (1 << UInt64(swarm.window)) - 1
            random = Randomness(seed: seed)
            have = Array(repeating: 0, count: n)
            incoming = have
            let longest = (swarm.window + 1) * swarm.slots / swarm.chunks + swarm.firstSlot + 2
            holders = Array(repeating: 0, count: swarm.window)
            delays = holders
            births = holders
            histogram = Array(repeating: 0, count: longest)
            histograms = Array(repeating: histogram, count: swarm.window)
            lacking = Array(repeating: nil, count: swarm.window)
            if let picks = swarm.picks {
                neighbors = PickedGraph(nodes: n, picks: picks, random: &random).neighbors.map { $0.map(Int32.init) }
            }
            credits = swarm.paces
            for viewer in credits.indices { credits[viewer] = random.unit() }
            let isSteady = swarm.sessions == nil && swarm.attendance.isEmpty
            joined = Array(repeating: 0, count: isSteady ? 0 : n)
            places = Array(repeating: -1, count: swarm.attendance.count)
            for (viewer, slots) in swarm.attendance.enumerated() where !slots.isEmpty {
                coming.plan(viewer, at: Double(slots.lowerBound))
                leaving.plan(viewer, at: Double(slots.upperBound))
            }
            if let sessions = swarm.sessions {
                for viewer in 0..<n { leaving.plan(viewer, at: sessions.drawRemaining(&random)) }
            }
            if swarm.takesOne { order = (0..<Int32(n)).map { $0 } }
        }

        mutating func step() {
            var isNew = false
            if swarm.attendance.isEmpty { replace() } else { attend() }
            credit += swarm.chunks
            if credit >= swarm.slots {
                credit -= swarm.slots
                emit()
                isNew = true
            }
            if swarm.takesOne {
                if swarm.drawsOrder {
                    for i in stride(from: n - 1, to: 0, by: -1) { order.swapAt(i, random.below(i + 1)) }
                }
                if isNew { inject() }
                for sender in order { send(from: Int(sender)) }
            } else {
                for sender in 0..<n where have[sender] != 0 { send(from: sender) }
                if isNew { inject() }
            }
            deliver()
            slot += 1
        }

        /// Puts newcomers in the place of those who leave.
        private mutating func replace() {
            guard let sessions = swarm.sessions else { return }
            while leaving.nextTime <= Double(slot), let (time, viewer) = leaving.next() {
                forget(viewer)
                joined[viewer] = slot
                leaving.plan(viewer, at: time + sessions.draw(&random))
            }
        }

        private mutating func attend() {
            while leaving.nextTime <= Double(slot), let (_, viewer) = leaving.next() {
                forget(viewer)
                let place = Int(places[viewer])
                let last = here.removeLast()
                if Int(last) != viewer {
                    here[place] = last
                    places[Int(last)] = Int32(place)
                }
                places[viewer] = -1
            }
            while coming.nextTime <= Double(slot), let (_, viewer) = coming.next() {
                joined[viewer] = slot
                places[viewer] = Int32(here.count)
                here.append(Int32(viewer))
            }
        }

        private mutating func forget(_ viewer: Int) {
            var gone = have[viewer]
            have[viewer] = 0
            while gone != 0 {
                holders[gone.trailingZeroBitCount] -= 1
                gone &= gone - 1
            }
        }

        private mutating func emit() {
            let oldest = swarm.window - 1
            if emitted >= swarm.window {
                retired += 1
                if isCounting { count(oldest) }
            }
            let used = histograms[oldest]
            for age in stride(from: oldest, to: 0, by: -1) {
                holders[age] = holders[age - 1]
                delays[age] = delays[age - 1]
                births[age] = births[age - 1]
                histograms.swapAt(age, age - 1)
            }
            histograms[0] = used
            for i in histograms[0].indices { histograms[0][i] = 0 }
            holders[0] = 0
            delays[0] = 0
            births[0] = slot
            emitted += 1
            for viewer in 0..<n { have[viewer] = (have[viewer] << 1) & windowMask }
        }

        private mutating func count(_ age: Int) {
            let counts = histograms[age]
            missed.append(missRatio(age))
            delaySums.append(Double(delays[age]))
            delayCounts.append(Double(counts.reduce(0, +)))
            for (delay, count) in counts.enumerated() { histogram[delay] += count }
        }

        /// Of those who were there all the time since the chunk's birth.
        private mutating func missRatio(_ age: Int) -> Double {
            guard !joined.isEmpty else { return 1 - Double(holders[age]) / Double(n) }
            var due = 0
            var held = 0
            for viewer in 0..<n where joined[viewer] <= births[age] && isHere(viewer) {
                due += 1
                held += Int(have[viewer] >> UInt64(age)) & 1
            }
            if !places.isEmpty { courses.append(Course(birth: births[age], due: due, held: held)) }
            return due == 0 ? 0 : 1 - Double(held) / Double(due)
        }

        private func isHere(_ viewer: Int) -> Bool { places.isEmpty || places[viewer] >= 0 }

        private mutating func inject() {
            guard places.isEmpty || !here.isEmpty else { return }
            for _ in 0..<swarm.copies {
                let viewer = anybody()
                guard !swarm.takesOne || incoming[viewer] == 0 else { continue }
                incoming[viewer] |= 1
            }
        }

        private mutating func send(from sender: Int) {
            let held = have[sender]
            guard held != 0 else { return }
            for _ in 0..<sends(of: sender) {
                guard let (receiver, chunk) = choose(from: sender, held: held) else { continue }
                guard !swarm.takesOne || incoming[receiver] == 0 else { continue }
                incoming[receiver] |= 1 << UInt64(chunk)
            }
        }

        @inline(__always)
        private mutating func sends(of sender: Int) -> Int {
            guard !credits.isEmpty else { return swarm.sends }
            // What an idle viewer did not use is gone, but for less than one chunk.
            let whole = (credits[sender] + swarm.paces[sender]).rounded(.down)
            credits[sender] += swarm.paces[sender] - whole
            return Int(whole)
        }

        @inline(__always)
        private mutating func choose(from sender: Int, held: UInt64) -> (receiver: Int, chunk: Int)? {
            switch swarm.scheme {
            case .latestBlind:
                return (somebody(for: sender), held.trailingZeroBitCount)
            case .latestToUseful:
                let chunk = held.trailingZeroBitCount
                return somebody(lacking: chunk, for: sender).map { ($0, chunk) }
            case .latestUseful:
                let receiver = somebody(for: sender)
                let useful = held & ~have[receiver]
                return useful == 0 ? nil : (receiver, useful.trailingZeroBitCount)
            case .randomUseful:
                let receiver = somebody(for: sender)
                let useful = held & ~have[receiver]
                return useful == 0 ? nil : (receiver, random.bit(of: useful))
            case .mostDeprived:
                var best = (useful: UInt64(0), count: 0, receiver: 0)
                for _ in 0..<swarm.probes {
                    let asked = somebody(for: sender)
                    let useful = held & ~have[asked]
                    if useful.nonzeroBitCount > best.count { best = (useful, useful.nonzeroBitCount, asked) }
                }
                return best.count == 0 ? nil : (best.receiver, best.useful.trailingZeroBitCount)
            }
        }

        @inline(__always)
        private mutating func anybody() -> Int {
            places.isEmpty ? random.below(n) : Int(here[random.below(here.count)])
        }

        @inline(__always)
        private mutating func somebody(for sender: Int) -> Int {
            if !places.isEmpty {
                // Alone, it can only turn to itself, who lacks nothing that it has.
                guard here.count > 1 else { return sender }
                return Int(here[random.below(here.count, except: Int(places[sender]))])
            }
            guard !neighbors.isEmpty else { return random.below(n, except: sender) }
            return Int(neighbors[sender][random.below(neighbors[sender].count)])
        }

        private mutating func somebody(lacking chunk: Int, for sender: Int) -> Int? {
            let all = places.isEmpty ? n : here.count
            let count = all - holders[chunk]
            guard count > 0 else { return nil }
            // Trying at random is quick while many lack it; then those few are listed, once in a slot.
            if count * 8 > all {
                while true {
                    let asked = anybody()
                    if have[asked] & (1 << UInt64(chunk)) == 0 { return asked }
                }
            }
            let list =
                lacking[chunk]
                ?? (0..<Int32(n)).filter {
                    isHere(Int($0)) && have[Int($0)] & (1 << UInt64(chunk)) == 0
                }
            lacking[chunk] = list
            return Int(list[random.below(list.count)])
        }

        private mutating func deliver() {
            for age in lacking.indices { lacking[age] = nil }
            for viewer in 0..<n where incoming[viewer] != 0 {
                var new = incoming[viewer] & ~have[viewer]
                incoming[viewer] = 0
                have[viewer] |= new
                while new != 0 {
                    let age = new.trailingZeroBitCount
                    new &= new - 1
                    let delay = slot - births[age] + swarm.firstSlot
                    holders[age] += 1
                    delays[age] += delay
                    histograms[age][delay] += 1
                }
            }
        }

        var figures: Figures {
            let batches = 25
            return Figures(
                missRatio: Tally.batches(batches, of: missed).estimate,
                meanDelay: Estimate(ratio: delaySums, to: delayCounts, batches: batches),
                delayP50: quantile(0.5), delayP95: quantile(0.95), delayCounts: histogram, courses: courses)
        }

        private func quantile(_ q: Double) -> Int {
            let total = histogram.reduce(0, +)
            var sum = 0
            for (delay, count) in histogram.enumerated() {
                sum += count
                if Double(sum) >= q * Double(total) { return delay }
            }
            return 0
        }
    }
}
