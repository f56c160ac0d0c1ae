import Integrity
import NIOCore
import NIOPosix
import PeerCore
import Synchronization
import Testing
import Vocabulary
import Wire

@testable import PeerAgent

@Suite(.timeLimit(.minutes(1))) struct `An agent without leaf hashes` {
    @Test func `keeps what the origin sends, and takes none of it for good before they come`() async throws {
        try await withStation { station in
            station.withholdsRecords.store(true, ordering: .relaxed)
            let newest = try #require(station.segments.last)
            let agent = try await Agent.start(station.options)
            try await waitUntil { station.served(newest) == newest.bytes.count }
            #expect(await agent.report().tally.bytesFromOrigin == 0)
            #expect(await agent.report().storeBytes == 0)
            station.withholdsRecords.store(false, ordering: .relaxed)
            try await waitUntil { await agent.report().tally.bytesFromOrigin >= newest.bytes.count }
            let player = try await Player(agent)
            try await player.expect(station)
            #expect(station.served(newest) == newest.bytes.count)
            player.close()
            await agent.stop()
        }
    }

    @Test func `refuses what turns out to be wrong, and asks again`() async throws {
        try await withStation { station in
            station.withholdsRecords.store(true, ordering: .relaxed)
            station.corrupt.store(true, ordering: .relaxed)
            let newest = try #require(station.segments.last)
            let agent = try await Agent.start(station.options)
            try await waitUntil { station.served(newest) == newest.bytes.count }
            station.corrupt.store(false, ordering: .relaxed)
            station.withholdsRecords.store(false, ordering: .relaxed)
            try await waitUntil { await agent.report().piecesRefused > 0 }
            let player = try await Player(agent)
            try await player.expect(station)
            #expect(await agent.report().piecesRefused <= newest.leaves.count)
            player.close()
            await agent.stop()
        }
    }

    @Test func `checks what a neighbor has pushed once they come, and bans it for what is wrong`() async throws {
        try await withStation { station in
            var options = station.options
            // Nobody listens there: everything comes from the neighbor.
            options.link.origins = ["http://127.0.0.1:1"]
            let agent = try await Agent.start(options)
            try await waitUntil { station.peers > 0 }
            let newest = try #require(station.segments.last)
            let segment = newest.record.segment
            let neighbor = try await Neighbor(of: try #require(station.introductions.first), options.link.broadcast)
            try await neighbor.send([
                .hello(Greeting(broadcast: options.link.broadcast, port: 0, rendition: 0, uploads: true)),
                .record(try #require(station.sealed.last)),
                .piece(segment, 4, newest.piece(4)), .piece(segment, 1, newest.piece(1)),
                .piece(segment, 2, newest.piece(3)), .ping(1),
            ])
            try await waitUntil { await neighbor.frames.contains(.pong(1)) }
            #expect(await agent.report().tally.bytesFromPeers == 0)
            #expect(await agent.report().storeBytes == 0)

            try await neighbor.send([.leaves(segment, newest.leaves)])
            try await waitUntil { await agent.report().piecesRefused == 1 }
            #expect(await agent.report().tally.bytesFromPeers == 2 * PieceID.length)
            #expect(await agent.report().tally.peersBanned == 1)
            try await waitUntil { await neighbor.frames.last == .goodbye(.badPiece) }
            await neighbor.close()
            await agent.stop()
        }
    }

    @Test func `bans at once for a piece that the segment cannot have`() async throws {
        try await withStation { station in
            var options = station.options
            options.link.origins = ["http://127.0.0.1:1"]
            let agent = try await Agent.start(options)
            try await waitUntil { station.peers > 0 }
            let newest = try #require(station.segments.last)
            let neighbor = try await Neighbor(of: try #require(station.introductions.first), options.link.broadcast)
            try await neighbor.send([
                .hello(Greeting(broadcast: options.link.broadcast, port: 0, rendition: 0, uploads: true)),
                .record(try #require(station.sealed.last)),
                .piece(newest.record.segment, newest.leaves.count, newest.piece(0)),
            ])
            try await waitUntil { await agent.report().tally.peersBanned == 1 }
            await neighbor.close()
            await agent.stop()
        }
    }
}

/// A neighbor made by hand: a link that says what the test says.
// Unchecked because it is confined to its event loop.
private final class Neighbor: LinkOwner, @unchecked Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private var link: Link?
    private var heard: [PeerFrame] = []
    private var isOpen = false

    init(of peer: Introduction, _ broadcast: BroadcastID) async throws {
        _ = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let link = Link(
                        LinkID(1), dialled: peer, remoteAddress: peer.endpoint.address, identity: PeerIdentity(),
                        broadcast: broadcast, owner: self)
                    self.link = link
                    try link.attach(to: channel)
                }
            }
            .connect(host: "127.0.0.1", port: Int(peer.endpoint.port)).get()
        try await waitUntil { (try? await self.group.any().submit { self.isOpen }.get()) == true }
    }

    var frames: [PeerFrame] {
        get async { (try? await group.any().submit { self.heard }.get()) ?? [] }
    }

    func send(_ frames: [PeerFrame]) async throws {
        try await group.any().submit {
            for frame in frames { self.link?.send(frame) }
            self.link?.flush()
        }.get()
    }

    func close() async { try? await group.shutdownGracefully() }

    func opened(_ link: Link, _ peer: PeerID) { isOpen = true }
    func received(_ frame: PeerFrame, on link: Link) { heard.append(frame) }
    func readDone(_ link: Link) {}
    func sent(_ piece: PieceID, on link: Link) {}
    func ended(_ link: Link, because flaw: LinkFlaw?) {}
}
