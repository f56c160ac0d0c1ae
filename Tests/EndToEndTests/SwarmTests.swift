import Foundation
import Stage
import Testing
import Vocabulary
import WebClient

/// Real processes on loopback. One at a time: each scene is worth a machine's attention.
@Suite(.serialized, .timeLimit(.minutes(4))) struct `A swarm` {
    @Test func `plays to six viewers what the origin cut, mostly from each other`() async throws {
        try await Show.run(viewers: 6) { show in
            try await show.play(12)
            try await show.verify()
            let fromPeers = await show.sum("bytes_from_peers")
            let fromOrigin = await show.sum("bytes_from_origin")
            #expect(fromPeers >= fromOrigin, "\(fromPeers) bytes from peers, \(fromOrigin) from the origin")
            for seat in await show.seats { #expect(seat.count("pieces_refused") == 0) }
            try await show.verifyBytes()
            for seat in await show.seats {
                let ffprobe = try Program(
                    "ffprobe",
                    ["-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", seat.recording]
                )
                #expect(try await ffprobe.ended(within: .seconds(60)) == .exited(0))
                #expect(ffprobe.complaints.isEmpty, "\(ffprobe.complaints)")
            }
        }
    }

    @Test func `bans a peer that flips bits at its first bad piece`() async throws {
        try await Show.run(viewers: 0) { show in
            let liar = try await show.join(program: "hostile-peer").peer
            try await show.play(3)
            var honest: [Show.Seat] = []
            for _ in 0..<3 { honest.append(try await show.join()) }
            try await show.play(8, at: honest)
            // It may take a while until somebody asks the liar for something.
            try await wait(for: "a refused piece", within: .seconds(60)) {
                honest.contains { $0.count("pieces_refused") > 0 }
            }
            try await show.play(4, at: honest)
            try await show.verify(honest)
            for seat in honest {
                #expect(seat.count("pieces_refused") <= 1, "\(seat.peer.name) believed the liar twice")
            }
            #expect(honest.contains { $0.count("peers_banned") > 0 })
            #expect(liar.end == nil, "the liar was to lie to the end")
        }
    }

    @Test func `goes on when a peer is killed in mid transfer`() async throws {
        try await Show.run(viewers: 4) { show in
            try await show.play(4)
            let seats = await show.seats
            seats[0].peer.signal(SIGKILL)
            _ = try await seats[0].peer.ended(within: .seconds(5))
            let rest = Array(seats.dropFirst())
            try await show.play(8, at: rest)
            try await show.verify(rest)
        }
    }

    @Test func `goes on without the tracker for twenty seconds`() async throws {
        try await Show.run(viewers: 3) { show in
            try await show.play(3)
            let tracker = try #require(await show.cast.tracker)
            tracker.signal(SIGKILL)
            _ = try await tracker.ended(within: .seconds(5))
            try await show.play(20)
            try await show.cast.startTracker()
            let late = try await show.join()
            try await show.play(3)
            try await wait(for: "a neighbor of the late viewer", within: .seconds(60)) { late.count("neighbors") > 0 }
            try await show.verify()
        }
    }

    @Test func `is whole again within an announce interval after its tracker was restarted`() async throws {
        try await Show.run(viewers: 3) { show in
            try await show.play(3)
            let tracker = try #require(await show.cast.tracker)
            let dials = await show.cast.trackerURL + "/metrics"
            try await wait(for: "three peers dialled back", within: .seconds(30)) {
                guard let answer = try? await show.cast.client.get(dials, limit: 1 << 20) else { return false }
                let text = String(decoding: answer.body, as: UTF8.self)
                return text.contains("dials_total{result=\"reached\"} 3") && !text.contains("result=\"unreachable\"")
            }
            #expect(await tracker.stop() == .exited(0))
            try await show.cast.startTracker()
            let url = await show.cast.trackerURL
            let list = try await show.cast.client.get(url + "/v1/broadcasts", limit: 1 << 20)
            #expect(
                String(decoding: list.body, as: UTF8.self).contains("\"status\":\"STREAMING\""), "the list is durable")
            try await wait(for: "all viewers at the tracker", within: .seconds(33)) {
                guard let answer = try? await show.cast.client.get(url + "/metrics", limit: 1 << 20) else {
                    return false
                }
                return String(decoding: answer.body, as: UTF8.self).contains("tributary_tracker_peers 3\n")
            }
            try await show.play(3)
            try await show.verify()
            for seat in await show.seats { #expect(seat.count("announces_missed") <= 1) }
        }
    }

    @Test func `goes on after the origin was killed for four seconds`() async throws {
        try await Show.run(viewers: 3) { show in
            try await show.play(4)
            let origin = try #require(await show.cast.origin)
            origin.signal(SIGKILL)
            _ = try await origin.ended(within: .seconds(5))
            try await Task.sleep(for: .seconds(4))  // the outage itself, not a wait for something
            try await show.cast.startOrigin()
            try await show.play(8)
            try await show.verify()
        }
    }

    @Test func `welcomes a viewer that joins late`() async throws {
        try await Show.run(viewers: 2) { show in
            try await show.play(8)
            let late = try await show.join()
            try await show.play(8)
            try await show.verify()
            let start = await late.player.report.startUpSeconds ?? .infinity
            #expect(start < 5)
            #expect(late.count("bytes_from_peers") > 0)
        }
    }

    @Test func `serves a viewer that uploads nothing`() async throws {
        try await Show.run(viewers: 2) { show in
            let selfish = try await show.join(["--no-upload"])
            try await show.play(10)
            try await show.verify()
            #expect(selfish.count("bytes_uploaded") == 0)
            #expect(selfish.count("bytes_to_player") > 0)
        }
    }

    @Test func `falls back to plain HTTP when there is no other peer`() async throws {
        try await Show.run(viewers: 1) { show in
            try await show.play(8)
            try await show.verify()
            #expect(await show.sum("bytes_from_peers") == 0)
        }
    }

    @Test func `plays on when the tracker cannot be reached`() async throws {
        try await Show.run(viewers: 2, withTracker: false) { show in
            try await show.play(6)
            try await show.verify()
        }
    }

    @Test func `lists the broadcast and counts its viewers`() async throws {
        try await Show.run(viewers: 2) { show in
            try await show.play(2)
            let url = await show.cast.trackerURL + "/v1/broadcasts"
            try await wait(for: "two viewers in the tracker's list", within: .seconds(30)) {
                guard let answer = try? await show.cast.client.get(url, limit: 1 << 20) else { return false }
                return String(decoding: answer.body, as: UTF8.self).contains("\"viewers\":2")
            }
        }
    }
}
