import Vocabulary

/// Who is in which swarm: known from numbers alone, so that every peer in every answer can be checked.
struct World {
    /// The clients' addresses are 127.66.1.0 and those behind it.
    private static let base: UInt32 = 0x7f42_0100
    private static let firstPort = 1_024

    /// The first peer of each swarm, and behind the last one how many peers there are.
    let starts: [Int]
    let addresses: Int

    var peers: Int { starts[starts.count - 1] }
    var swarms: Int { starts.count - 1 }

    /// Sizes fall as in Zipf's law; every swarm has a peer at least.
    init(swarms: Int, peers: Int, addresses: Int) {
        let weights = (1...swarms).map { 1 / Double($0) }
        let scale = Double(peers - swarms) / weights.reduce(0, +)
        var starts = [0]
        var exact = 0.0
        for (number, weight) in weights.enumerated() {
            exact += weight * scale
            starts.append(Int(exact) + number + 1)
        }
        starts[swarms] = peers
        self.starts = starts
        self.addresses = addresses
    }

    func swarm(of peer: Int) -> Int {
        var low = 0
        var high = swarms
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= peer { low = middle } else { high = middle }
        }
        return low
    }

    func members(of swarm: Int) -> Range<Int> { starts[swarm]..<starts[swarm + 1] }

    func address(_ peer: Int) -> UInt32 { Self.base + UInt32(peer % addresses) }
    func port(_ peer: Int) -> UInt16 { UInt16(Self.firstPort + peer / addresses) }
    func isSeeder(_ peer: Int) -> Bool { peer % 4 == 0 }

    func peer(at address: UInt32, port: UInt16) -> Int? {
        guard address >= Self.base, address < Self.base + UInt32(addresses), port >= Self.firstPort else { return nil }
        return Int(address - Self.base) + (Int(port) - Self.firstPort) * addresses
    }

    static func hash(_ swarm: Int) -> InfoHash {
        let a = Randomness.mix(UInt64(swarm) &+ 1)
        return InfoHash(a, Randomness.mix(a), UInt32(truncatingIfNeeded: Randomness.mix(a &+ 7)))
    }
}

/// What answers had in them.
struct Findings {
    var answers = 0
    var invalid = 0
    /// Lists with fewer peers than there were to name.
    var short = 0
    var lost = 0
    var entriesChecked = 0
    /// Microseconds, one in so many answers.
    var latencies: [Double] = []

    func latency(_ share: Double) -> Double {
        let sorted = latencies.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
    }
}

/// Whether a compact list of IPv4 peers names members of that swarm alone, none twice, and not the asker.
func isSound(_ list: UnsafeRawBufferPointer, of swarm: Range<Int>, asker: Int?, in world: World) -> Bool {
    var seen: Set<Int> = []
    for offset in stride(from: 0, to: list.count, by: 6) {
        let address = UInt32(bigEndian: list.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        let port = UInt16(bigEndian: list.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self))
        guard let peer = world.peer(at: address, port: port), swarm.contains(peer), peer != asker,
            seen.insert(peer).inserted
        else { return false }
    }
    return list.count % 6 == 0
}
