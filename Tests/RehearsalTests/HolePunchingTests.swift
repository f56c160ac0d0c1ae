import Foundation
import Glibc
import RehearsalNetwork
import RehearsalPlayer
import Stage
import Testing
import Vocabulary

@testable import tributary_lab

/// Real programs in namespaces, each viewer behind an address translation of its own that lets answers in alone.
@Suite(
    .serialized, .timeLimit(.minutes(5)),
    .enabled(if: Star.obstacle == nil, "\(Star.obstacle ?? "")"))
struct `Two viewers behind NATs` {
    @Test(arguments: [(NAT.restricted, NAT.restricted), (.moved, .restricted), (.moved, .moved)])
    func `pass pieces to each other when the tracker calls them to dial at once`(a: NAT, b: NAT) async throws {
        try await Neighborhood.run([a, b]) { scene in
            // Ten seconds: until both have been dialled in vain, announce again, learn their ports and are called.
            try await wait(for: "pieces between the viewers", within: .seconds(60)) {
                scene.peers.allSatisfy {
                    $0.count("neighbors") == 1 && $0.newest("stats")?["reachable"] == .bool(false)
                }
                    && scene.peers.contains { $0.count("bytes_from_peers") > 128 << 10 }
            }
            // What one has from the other has gone through the network, and not through the origin's line.
            let hosts = try await scene.star.snapshot().hosts.suffix(2)
            #expect(hosts.contains { $0.receivedBytes - $0.receivedFromFirst > 128 << 10 })
        }
    }

    @Test func `stay strangers when it does not`() async throws {
        try await Neighborhood.run([.restricted, .restricted], tracker: ["--no-calls"]) { scene in
            // Longer than the others need, by the clock of the broadcast.
            try await wait(for: "twenty segments at both", within: .seconds(120)) {
                scene.viewers.allSatisfy { $0.record.arrivals.count >= 20 }
            }
            for peer in scene.peers {
                #expect(peer.count("viewers") == 2, "they know of each other")
                #expect(peer.count("neighbors") == 0 && peer.count("bytes_from_peers") == 0)
            }
        }
    }
}

/// A tracker, an origin and a viewer behind each of the NATs, all in one network.
private struct Neighborhood {
    let star: Star
    let peers: [Program]
    let viewers: [Viewer]

    static func run(
        _ nats: [NAT], tracker options: [String] = [], _ body: (Neighborhood) async throws -> Void
    ) async throws {
        let clip = try await Clip.brief.file()
        let folder = try TemporaryFolder.make()
        // Far enough that each end's first packet is under way when the other end sends its own.
        let line = Line(delay: .milliseconds(25))
        let star = try await Star(
            [HostPlan("origin", line), HostPlan("tracker", line)]
                + nats.enumerated().map { HostPlan("viewer-\($0)", line, nat: $1) }, seed: 1)
        var programs: [Program] = []
        var viewers: [Viewer] = []
        let result: Result<Void, any Error>
        do {
            func start(_ name: String, _ arguments: [String], on host: StarHost) throws -> Program {
                let namespace = host.namespace
                let program = try Program(
                    "\(Program.ownFolder)/\(name)", arguments, name: "\(name) on \(host.name)",
                    inside: { namespace.enter() })
                programs.append(program)
                return program
            }
            let (origin, tracker) = (star.hosts[0], star.hosts[1])
            let service = try start(
                "tributary-tracker",
                ["serve", "--json", "--listen", "\(tracker.address):7070", "--udp", "\(tracker.address):7071"]
                    + options,
                on: tracker)
            _ = try await service.event("ready", within: .seconds(30))
            let publisher = try start(
                "tributary-origin",
                [
                    "publish", "--json", "--input", clip, "--loop", "--ladder", "none", "--listen",
                    "\(origin.address):8080", "--data", "\(folder)/origin", "--segment-duration", "1",
                    "--tracker", "udp://\(tracker.address):7071", "--tracker", "http://\(tracker.address):7070",
                ], on: origin)
            let link = try await publisher.event("ready", within: .seconds(30))["link"]?.text ?? ""
            var peers: [Program] = []
            for host in star.hosts.dropFirst(2) {
                let peer = try start(
                    "tributary-peer",
                    [
                        "watch", link, "--json", "--listen", "127.0.0.1:0", "--peer-listen",
                        "0.0.0.0:\(NAT.movedPort.inside)",
                    ], on: host)
                let hls = try await peer.event("ready", within: .seconds(30))["hls"]?.text ?? ""
                let namespace = host.namespace
                peers.append(peer)
                viewers.append(Viewer(hls) { namespace.socket(.stream) })
            }
            result = .success(try await body(Neighborhood(star: star, peers: peers, viewers: viewers)))
        } catch { result = .failure(error) }
        for viewer in viewers { viewer.stop() }
        for program in programs.reversed() { await program.stop() }
        await star.close()
        _ = await holds(within: .seconds(10)) { viewers.allSatisfy(\.record.isDone) }
        TemporaryFolder.remove(folder)
        try result.get()
    }
}

extension Program {
    /// A figure of the newest report.
    fileprivate func count(_ figure: String) -> Int { newest("stats")?.count(figure) ?? 0 }
}
