package import Vocabulary

/// The swarms of those who announce over WebSockets, as WebTorrent does: browsers, which have no addresses for each
/// other. What they offer each other to connect is passed on through us; we do not look into it.
package struct SocketSwarms: Sendable {
    /// A connection's number.
    package typealias Socket = UInt64
    /// 20 bytes.
    package typealias Name = [UInt8]

    package struct Settings: Sendable {
        package var peers = 100_000
        /// Swarms that one connection may be in.
        package var swarmsPerSocket = 100
        package init() {}
    }

    /// Why a peer was not listed.
    package enum Refusal: Error, Sendable {
        case isFull
        /// Somebody at another address has that name.
        case peerIsElsewhere
    }

    private struct Peer: Sendable {
        var socket: Socket
        let address: IPAddress?
        var isSeeder: Bool
        var place: Int
    }

    private struct Swarm: Sendable {
        var peers: [Name: Peer] = [:]
        /// All of them, dense, so that any is one random number away.
        var names: [Name] = []
        var seeders = 0
        var completed: UInt32 = 0
    }

    private let settings: Settings
    private var random: Randomness
    private var swarms: [InfoHash: Swarm] = [:]
    private var memberships: [Socket: [InfoHash: Name]] = [:]
    package private(set) var peerCount = 0

    package init(settings: Settings = Settings(), seed: UInt64) {
        self.settings = settings
        random = Randomness(seed: seed)
    }

    package func counts(of hash: InfoHash) -> SwarmCounts {
        guard let swarm = swarms[hash] else { return SwarmCounts() }
        return SwarmCounts(
            seeders: UInt32(swarm.seeders), leechers: UInt32(swarm.names.count - swarm.seeders),
            completed: swarm.completed)
    }

    /// Lists the peer. One that comes back from the same address over another connection has lost the first one.
    package mutating func announce(
        _ announce: SwarmAnnounce, as name: Name, on socket: Socket, from address: IPAddress?
    ) throws(Refusal) {
        let hash = announce.hash
        guard announce.event != .stopped else {
            return leave(hash, socket)
        }
        if let known = memberships[socket]?[hash], known != name { leave(hash, socket) }
        if let other = swarms[hash]?.peers[name], other.socket != socket {
            guard other.address == address else { throw .peerIsElsewhere }
            leave(hash, other.socket)
        }
        var swarm = swarms[hash] ?? Swarm()
        if var peer = swarm.peers[name] {
            if announce.event == .completed, announce.isSeeder, !peer.isSeeder { swarm.completed &+= 1 }
            swarm.seeders += (announce.isSeeder ? 1 : 0) - (peer.isSeeder ? 1 : 0)
            peer.isSeeder = announce.isSeeder
            swarm.peers[name] = peer
        } else {
            guard peerCount < settings.peers, memberships[socket, default: [:]].count < settings.swarmsPerSocket else {
                throw .isFull
            }
            swarm.peers[name] = Peer(
                socket: socket, address: address, isSeeder: announce.isSeeder, place: swarm.names.count)
            swarm.names.append(name)
            swarm.seeders += announce.isSeeder ? 1 : 0
            memberships[socket, default: [:]][hash] = name
            peerCount += 1
        }
        swarms[hash] = swarm
    }

    /// Up to `count` others, picked at random, each once.
    package mutating func others(_ count: Int, in hash: InfoHash, than name: Name) -> [Socket] {
        guard let swarm = swarms[hash] else { return [] }
        var chosen: [Socket] = []
        let start = Int(random.next() % UInt64(max(1, swarm.names.count)))
        for offset in 0..<swarm.names.count where chosen.count < count {
            let other = swarm.names[(start + offset) % swarm.names.count]
            if other != name, let peer = swarm.peers[other] { chosen.append(peer.socket) }
        }
        return chosen
    }

    /// Where somebody is, for whoever is listed in the same swarm by `name` on `socket`.
    package func socket(of other: Name, in hash: InfoHash, for name: Name, on socket: Socket) -> Socket? {
        guard memberships[socket]?[hash] == name else { return nil }
        return swarms[hash]?.peers[other]?.socket
    }

    package mutating func close(_ socket: Socket) {
        for hash in (memberships[socket] ?? [:]).keys { leave(hash, socket) }
    }

    private mutating func leave(_ hash: InfoHash, _ socket: Socket) {
        guard let name = memberships[socket]?.removeValue(forKey: hash) else { return }
        if memberships[socket]?.isEmpty == true { memberships[socket] = nil }
        guard let peer = swarms[hash]?.peers.removeValue(forKey: name) else { return }
        peerCount -= 1
        if peer.isSeeder { swarms[hash]?.seeders -= 1 }
        if let last = swarms[hash]?.names.popLast(), last != name {
            swarms[hash]?.names[peer.place] = last
            swarms[hash]?.peers[last]?.place = peer.place
        }
        if swarms[hash]?.names.isEmpty == true { swarms[hash] = nil }
    }
}
