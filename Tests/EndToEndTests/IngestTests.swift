import Foundation
import Inspection
import Stage
import Testing
import Vocabulary
import WebClient

/// Real encoders against a real origin that serves several broadcasts.
@Suite(.timeLimit(.minutes(4))) struct `An origin that serves encoders` {
    @Test func `takes two programmes at once, each with its own key, and refuses a wrong one`() async throws {
        try await Newsroom.run { newsroom in
            try await newsroom.add("one", "--title", "The first")
            try await newsroom.add("two")
            let keys = [try await newsroom.key(of: "one"), try await newsroom.key(of: "two")]
            try await newsroom.serve()
            let encoders = [try await newsroom.encoder(keys[0]), try await newsroom.encoder(keys[1])]
            let stranger = try await newsroom.encoder("not-a-key")
            try await newsroom.segments(of: "one", atLeast: 4)
            try await newsroom.segments(of: "two", atLeast: 4)
            #expect(try await stranger.ended(within: .seconds(30)) != .exited(0))
            #expect(stranger.complaints.contains("the stream key is wrong"))
            #expect(encoders[0].isRunning && encoders[1].isRunning)
            for name in ["one", "two"] {
                #expect(try await newsroom.playlist(of: name).playlist.faults.isEmpty)
                #expect(try await newsroom.complaints(about: name).isEmpty)
            }
            // No key in what the origin writes, nor in what the system shows of its process.
            let origin = try #require(await newsroom.origin)
            let shown = try String(contentsOfFile: "/proc/\(origin.pid)/cmdline", encoding: .utf8)
            for key in keys + ["not-a-key"] {
                #expect(!origin.complaints.contains(key) && !shown.contains(key))
                #expect(!String(decoding: origin.output, as: UTF8.self).contains(key))
            }
            await newsroom.inspect()
            #expect(await origin.stop() == .exited(0))
        }
    }

    @Test(arguments: ["rtmpsink", "rtmp2sink"])
    func `takes what librtmp and GStreamer send, and refuses them with a wrong key`(sink: String) async throws {
        try await Newsroom.run { newsroom in
            let key = try await newsroom.open("show", "ts")
            try await newsroom.serve()
            let rtmp = await newsroom.rtmp
            let path = "\(newsroom.folder)/show.flv"
            let ffmpeg = try await newsroom.ffmpeg(
                ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine"] + Newsroom.codecs
                    + ["-t", "20", path])
            #expect(try await ffmpeg.ended(within: .seconds(60)) == .exited(0))
            func send(_ key: String) async throws -> Program {
                try await newsroom.start(
                    "gst-launch-1.0",
                    "-q filesrc location=\(path) ! flvdemux name=d flvmux name=m streamable=true ! ".words
                        + [sink, "location=\(rtmp)/\(key)", "sync=true"]
                        + "d.video ! queue ! h264parse ! m. d.audio ! queue ! aacparse ! m.".words)
            }
            let stranger = try await send("0123456789abcdef0123456789abcdef01234567")
            #expect(try await stranger.ended(within: .seconds(30)) != .exited(0))
            _ = try await send(key)
            try await newsroom.segments(of: "show", atLeast: 4)
            #expect(try await newsroom.complaints(about: "show").isEmpty)
            #expect(await newsroom.origin?.complaints.contains("the stream key is wrong") == true)
        }
    }

    @Test func `ends the session of a revoked key within two seconds`() async throws {
        try await Newsroom.run { newsroom in
            try await newsroom.add("show")
            let (mine, other) = (
                try await newsroom.key(of: "show", "mine"), try await newsroom.key(of: "show", "other")
            )
            try await newsroom.serve()
            let encoder = try await newsroom.encoder(mine)
            try await newsroom.segments(of: "show", atLeast: 1)
            #expect(try await newsroom.command("keys", "list", "show").split(separator: "\n").count == 2)
            try await newsroom.command("keys", "revoke", "show", "mine")
            let revoked = ContinuousClock.now
            try await newsroom.state("held", of: "show")
            #expect(ContinuousClock.now - revoked < .seconds(2))
            #expect(try await encoder.ended(within: .seconds(30)) != .exited(0))
            let again = try await newsroom.encoder(mine)
            #expect(try await again.ended(within: .seconds(30)) != .exited(0))
            // The other key of the same broadcast still opens it.
            let count = await newsroom.segments(of: "show")
            _ = try await newsroom.encoder(other)
            try await newsroom.segments(of: "show", atLeast: count + 2)
        }
    }

    @Test func `goes on with a discontinuity when an encoder that was killed comes back`() async throws {
        try await Newsroom.run { newsroom in
            try await newsroom.add("show")
            let key = try await newsroom.key(of: "show")
            try await newsroom.serve()
            let first = try await newsroom.encoder(key)
            try await newsroom.segments(of: "show", atLeast: 3)
            first.signal(SIGKILL)
            try await newsroom.state("held", of: "show")
            let count = await newsroom.segments(of: "show")
            _ = try await newsroom.encoder(key)
            try await newsroom.segments(of: "show", atLeast: count + 3)
            let (text, playlist) = try await newsroom.playlist(of: "show")
            #expect(playlist.faults.isEmpty && !playlist.isEnded)
            #expect(Newsroom.discontinuities(in: text) == 1)
            let sequences = playlist.segments.map(\.sequence)
            #expect(sequences == Array(0..<sequences.count))
        }
    }

    @Test func `knows all broadcasts before it takes encoders, and waits no longer than ever for one after a restart`()
        async throws
    {
        try await Newsroom.run { newsroom in
            try await newsroom.add("show", "--ladder", "none", "--grace", "2")
            let names = ["show"] + (1...20).map { "silent-\($0)" }
            for name in names.dropFirst() { try await newsroom.add(name) }
            let key = try await newsroom.key(of: "show")
            try await newsroom.serve()
            let encoder = try await newsroom.encoder(key)
            try await newsroom.segments(of: "show", atLeast: 3)
            let origin = try #require(await newsroom.origin)
            origin.signal(SIGKILL)
            _ = try await origin.ended(within: .seconds(10))
            encoder.signal(SIGKILL)

            try await newsroom.serve()
            for name in names { #expect(await newsroom.events("broadcast", of: name).count == 1, "\(name)") }
            #expect(try await !newsroom.playlist(of: "show").playlist.isEnded)
            try await newsroom.state("closed", of: "show")
            #expect(try await newsroom.playlist(of: "show").playlist.isEnded)
            // Who comes now begins another programme.
            let closed = try #require(try await newsroom.playlist(of: "show").playlist.segments.last?.sequence)
            _ = try await newsroom.encoder(key)
            try await newsroom.segments(of: "show", atLeast: 3)
            let playlist = try await newsroom.playlist(of: "show").playlist
            #expect(!playlist.isEnded && playlist.mediaSequence == closed + 1)
        }
    }

    // Players of DASH reckon from the clock where they begin, and find nothing there of a programme that is ahead of it.
    @Test func `lists no segment before the time at which its programme ends, however long an encoder is looked at`()
        async throws
    {
        try await Newsroom.run { newsroom in
            let key = try await newsroom.open("show", "cmaf")
            try await newsroom.serve()
            _ = try await newsroom.encoder(key)
            for count in 3...5 {
                try await newsroom.segments(of: "show", atLeast: count)
                let now = Date.now
                let text = try await newsroom.playlist(of: "show").text
                let times = text.split(separator: "\n").filter { $0.hasPrefix("#EXT-X-PROGRAM-DATE-TIME:") }
                let read = ISO8601DateFormatter()
                read.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
                let first = try #require(times.first.flatMap { read.date(from: String($0.dropFirst(25))) })
                let end = first + Double(count)
                #expect(times.count >= count && end < now + 0.1, "\(end) \(now)")
                // A busy machine looks at it later.
                #expect(end > now - 10, "\(end) \(now)")
            }
        }
    }

    @Test func `ends a live manifest of DASH with the programme, which plays as a whole then`() async throws {
        try await Newsroom.run { newsroom in
            try await newsroom.add("show", "--ladder", "none", "--container", "cmaf", "--grace", "2")
            let key = try await newsroom.key(of: "show")
            try await newsroom.serve()
            let encoder = try await newsroom.encoder(key)
            try await newsroom.segments(of: "show", atLeast: 4)
            let hls = try #require(await newsroom.events("broadcast", of: "show").last?["hls"]?.text)
            let manifest = hls.replacing("master.m3u8", with: "manifest.mpd")
            func isStatic() async throws -> Bool {
                let answer = try await newsroom.client.get(manifest, limit: 1 << 20)
                return String(decoding: answer.body, as: UTF8.self)
                    .contains("type=\"static\" mediaPresentationDuration=")
            }
            #expect(try await !isStatic())
            await encoder.stop()
            try await newsroom.state("closed", of: "show")
            #expect(try await isStatic())
            let ffmpeg = try await newsroom.ffmpeg(["-i", manifest, "-map", "0:v", "-f", "rawvideo", "-s", "2x2", "-"])
            #expect(try await ffmpeg.ended(within: .seconds(30)) == .exited(0), "\(ffmpeg.complaints)")
            let length = try await newsroom.playlist(of: "show").playlist.segments.reduce(0.0) { $0 + $1.duration }
            // Four pixels of 4:2:0 take six bytes.
            #expect(abs(Double(ffmpeg.output.count) / 6 - length * 25) <= 1, "\(ffmpeg.output.count) \(length)")
        }
    }

    @Test func `lets a second encoder take over, or keeps it out, as the operator wishes`() async throws {
        try await Newsroom.run { newsroom in
            try await newsroom.add("open")
            try await newsroom.add("guarded", "--second-encoder", "refuse")
            let (open, guarded) = (try await newsroom.key(of: "open"), try await newsroom.key(of: "guarded"))
            try await newsroom.serve()
            let (first, second) = (try await newsroom.encoder(open), try await newsroom.encoder(guarded))
            try await newsroom.segments(of: "open", atLeast: 2)
            try await newsroom.segments(of: "guarded", atLeast: 2)
            let (successor, intruder) = (try await newsroom.encoder(open), try await newsroom.encoder(guarded))
            #expect(try await first.ended(within: .seconds(30)) != .exited(0))
            #expect(try await intruder.ended(within: .seconds(30)) != .exited(0))
            #expect(intruder.complaints.contains("another encoder is on air"))
            // A network that drops is no goodbye: the encoder is still there, and sends nothing.
            second.signal(SIGSTOP)
            try await Task.sleep(for: .seconds(6))
            let heir = try await newsroom.encoder(guarded)
            let count = await newsroom.segments(of: "guarded")
            try await newsroom.segments(of: "guarded", atLeast: count + 2)
            #expect(heir.isRunning && successor.isRunning)
        }
    }

    @Test func `shows the slate when the grace period is over, and ends without one`() async throws {
        // The slate has more bits than the encoder, for whose first segments the promise was made.
        try await Newsroom.run(pardoning: [.multivariant]) { newsroom in
            var clip = Clip.brief
            clip.seconds = 3
            try await newsroom.add("slated", "--grace", "1", "--slate", try await clip.file())
            try await newsroom.add("bare", "--grace", "1")
            let (slated, bare) = (try await newsroom.key(of: "slated"), try await newsroom.key(of: "bare"))
            try await newsroom.serve()
            let (first, second) = (try await newsroom.encoder(slated), try await newsroom.encoder(bare))
            try await newsroom.segments(of: "slated", atLeast: 2)
            try await newsroom.segments(of: "bare", atLeast: 2)
            await first.stop()
            await second.stop()
            try await newsroom.state("slate", of: "slated")
            try await newsroom.state("closed", of: "bare")
            #expect(try await newsroom.playlist(of: "bare").playlist.isEnded)
            let closed = await newsroom.segments(of: "bare")
            let count = await newsroom.segments(of: "slated")
            // Longer than the clip: it is shown in a loop.
            try await newsroom.segments(of: "slated", atLeast: count + 5)
            _ = try await newsroom.encoder(slated)
            _ = try await newsroom.encoder(bare)
            try await newsroom.state("live", of: "slated")
            try await newsroom.state("live", of: "bare")
            let (live, revived) = (await newsroom.segments(of: "slated"), await newsroom.segments(of: "bare"))
            try await newsroom.segments(of: "slated", atLeast: live + 2)
            try await newsroom.segments(of: "bare", atLeast: revived + 2)
            #expect(try await newsroom.playlist(of: "slated").playlist.faults.isEmpty)
            // A new programme under the same name: numbers go on, and nothing of the old one is listed.
            let playlist = try await newsroom.playlist(of: "bare").playlist
            #expect(!playlist.isEnded && playlist.mediaSequence == closed)
        }
    }

    @Test func `takes SRT with the key in the stream id, and encrypted if the operator wishes`() async throws {
        try await Newsroom.run { newsroom in
            try await newsroom.add("show")
            let key = try await newsroom.key(of: "show")
            let secret = "a long enough secret"
            try "\(secret)\n".write(toFile: "\(newsroom.folder)/passphrase", atomically: true, encoding: .utf8)
            try await newsroom.serve(["--srt-passphrase-file", "\(newsroom.folder)/passphrase"])
            let srt = await newsroom.srt
            func send(_ streamID: String, _ passphrase: String = secret) async throws -> Program {
                try await newsroom.ffmpeg(
                    Newsroom.picture + Newsroom.sound + Newsroom.codecs
                        + ["-f", "mpegts", "-passphrase", passphrase, "\(srt)?streamid=\(streamID)"])
            }
            let encoder = try await send("#!::r=\(key),m=publish")
            try await newsroom.segments(of: "show", atLeast: 4)
            for stranger in [
                try await send("not-a-key"), try await send("#!::r=\(key),m=request"),
                try await send(key, "another long secret"),
            ] { #expect(try await stranger.ended(within: .seconds(60)) != .exited(0)) }
            // None of them has disturbed the one that may.
            #expect(encoder.isRunning)
            #expect(await newsroom.state(of: "show").state == "live")
            #expect(try await newsroom.complaints(about: "show").isEmpty)
            // RTMP takes over from SRT: the broadcast is the same.
            let count = await newsroom.segments(of: "show")
            _ = try await newsroom.encoder(key)
            try await newsroom.segments(of: "show", atLeast: count + 3)
            #expect(try await newsroom.playlist(of: "show").playlist.faults.isEmpty)
        }
    }

    @Test func `takes RTMPS, with a certificate that is renewed under way`() async throws {
        try await Newsroom.run { newsroom in
            let (key, rtmps, port, encoder) = try await newsroom.serveRTMPS()
            try await newsroom.segments(of: "show", atLeast: 3)
            #expect(try await newsroom.complaints(about: "show").isEmpty)
            try await newsroom.certificate("second.example")
            let client = try Program(
                "openssl", ["s_client", "-connect", "127.0.0.1:\(port)", "-servername", "second.example"])
            _ = try await client.ended(within: .seconds(30))
            #expect(String(decoding: client.output, as: UTF8.self).contains("second.example"))
            // Plain RTMP at the port of RTMPS is refused, and disturbs nobody.
            let stranger = try await newsroom.ffmpeg(
                Newsroom.picture + Newsroom.codecs
                    + ["-f", "flv", rtmps.replacing("rtmps://", with: "rtmp://") + "/\(key)"])
            #expect(try await stranger.ended(within: .seconds(30)) != .exited(0))
            #expect(encoder.isRunning)
        }
    }

    @Test func `ends a connection of RTMPS whose other end says that nothing will follow`() async throws {
        try await Newsroom.run { newsroom in
            let (_, _, port, encoder) = try await newsroom.serveRTMPS()
            // It says so in TLS, and leaves the connection beneath open.
            let client = try Program(
                "/usr/bin/python3",
                [
                    "-c",
                    """
                    import socket, ssl
                    context = ssl._create_unverified_context()
                    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", \(port)), timeout=5))
                    assert connection.unwrap().recv(1) == b""
                    """,
                ])
            #expect(try await client.ended(within: .seconds(30)) == .exited(0), "\(client.complaints)")
            #expect(encoder.isRunning)
        }
    }

    @Test func `ends who is silent, slow or talks nonsense at the port of RTMPS, and its encoder goes on`() async throws
    {
        try await Newsroom.run { newsroom in
            let (_, _, port, encoder) = try await newsroom.serveRTMPS()
            try await newsroom.segments(of: "show", atLeast: 1)
            let (open, secure) = (
                "exec 3<>/dev/tcp/127.0.0.1/\(port)", "openssl s_client -connect 127.0.0.1:\(port)"
            )
            let strangers = try [
                "\(open); cat <&3",
                // A handshake of 8 KiB, of which a byte comes now and then.
                "\(open); printf '\\x16\\x03\\x01\\x20\\0' >&3; while printf '\\0' >&3; do sleep 0.3; done",
                "\(open); head -c 20000 /dev/urandom >&3; cat <&3",
                "head -c 20000 /dev/urandom | \(secure) -quiet",
                // Silent behind the handshake for as long as the other line is.
                "\(open); \(secure) -quiet <&3",
                "(printf 'R\\n'; sleep 2) | \(secure) -tls1_2",
            ].map { try Program("/bin/bash", ["-c", $0]) }
            for (number, stranger) in strangers.enumerated() {
                _ = try await stranger.ended(within: .seconds(30))
                guard number == strangers.count - 1 else { continue }
                #expect(stranger.complaints.contains("no renegotiation"), "\(stranger.complaints)")
            }
            let said = await newsroom.origin?.complaints ?? ""
            for reason in ["does not speak TLS", "does not speak RTMP", "did not begin to publish within 10 s"] {
                #expect(said.contains(reason), "\(said)")
            }
            #expect(encoder.isRunning)
            let count = await newsroom.segments(of: "show")
            try await newsroom.segments(of: "show", atLeast: count + 2)
        }
    }

    @Test func `has files left for encoders and players when idle connections take all that they can`() async throws {
        try await Newsroom.run { newsroom in
            for name in ["first", "second"] { try await newsroom.add(name, "--ladder", "none") }
            let (first, second) = (try await newsroom.key(of: "first"), try await newsroom.key(of: "second"))
            try await newsroom.serve(through: ["prlimit", "--nofile=256:256"])
            let encoder = try await newsroom.encoder(first)
            try await newsroom.segments(of: "first", atLeast: 3)
            let http = try #require(await newsroom.events("broadcast", of: "first").last?["hls"]?.text)
            let strangers = try [http, await newsroom.rtmp].map { address in
                let port = address.split(separator: ":").last.map { $0.prefix { $0.isNumber } } ?? ""
                let script =
                    "ulimit -n 1024; for i in {1..400}; do exec {fd}<>/dev/tcp/127.0.0.1/\(port); done; exec sleep 60"
                return try Program("/bin/bash", ["-c", script])
            }
            try await wait(for: "the crowd to be noticed", within: .seconds(30)) {
                await newsroom.origin?.complaints.contains("there are too many") == true
            }
            let newcomer = try await newsroom.encoder(second)
            try await newsroom.segments(of: "second", atLeast: 4)
            let count = await newsroom.segments(of: "first")
            try await newsroom.segments(of: "first", atLeast: count + 2)
            let (_, playlist) = try await newsroom.playlist(of: "first")
            #expect(playlist.faults.isEmpty && encoder.isRunning && newcomer.isRunning)
            for stranger in strangers { await stranger.stop() }
            // Of two hundred that were sent away twenty are told.
            let said = await newsroom.origin?.complaints ?? ""
            #expect(said.components(separatedBy: "there are too many").count < 80, "\(said)")
        }
    }

    /// CPU-seconds that a process has used.
    private func seconds(of process: Int32) throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        // User and system time follow the name as the 12th and 13th (proc(5)).
        return fields[12...13].compactMap { Double($0) }.reduce(0, +) / 100
    }

    @Test func `goes on while it may open no more files, and takes everybody when it may again`() async throws {
        try await Newsroom.run { newsroom in
            for name in ["first", "second"] { try await newsroom.add(name, "--ladder", "none") }
            let (first, second) = (try await newsroom.key(of: "first"), try await newsroom.key(of: "second"))
            try await newsroom.serve()
            let encoder = try await newsroom.encoder(first)
            try await newsroom.segments(of: "first", atLeast: 2)
            let origin = try #require(await newsroom.origin)
            func allow(_ files: String) async throws {
                let program = try Program("prlimit", ["--pid", "\(origin.pid)", "--nofile=\(files)"])
                #expect(try await program.ended(within: .seconds(10)) == .exited(0))
            }
            try await allow("3:4096")
            let newcomer = try await newsroom.encoder(second)
            let (count, spent) = (await newsroom.segments(of: "first"), try seconds(of: origin.pid))
            try await newsroom.segments(of: "first", atLeast: count + 4)
            #expect(await newsroom.segments(of: "second") == 0)
            // It does not try without a pause to take who calls.
            #expect(try seconds(of: origin.pid) - spent < 2)
            for sentence in ["what is served stays as it is", "segments are served from memory only"] {
                #expect(origin.complaints.components(separatedBy: sentence).count == 2, "\(origin.complaints)")
            }
            try await allow("4096:4096")
            try await newsroom.segments(of: "second", atLeast: 3)
            #expect(encoder.isRunning && newcomer.isRunning)
            #expect(!origin.complaints.contains("no longer served"), "\(origin.complaints)")
        }
    }

    @Test func `says in one sentence what is wrong with what it is sent, and the other broadcasts go on`() async throws
    {
        try await Newsroom.run { newsroom in
            for name in ["good", "old", "silent"] { try await newsroom.add(name) }
            let film = try Data(contentsOf: URL(fileURLWithPath: try await Clip.brief.file()))
            let torn = "\(newsroom.folder)/torn.mp4"
            try film.prefix(film.count / 8).write(to: URL(fileURLWithPath: torn))
            try await newsroom.add("torn", "--input", torn)
            try await newsroom.add("missing", "--input", "\(newsroom.folder)/missing.mp4")
            let good = try await newsroom.key(of: "good")
            let (old, silent) = (try await newsroom.key(of: "old"), try await newsroom.key(of: "silent"))
            try await newsroom.serve()
            let (rtmp, srt) = (await newsroom.rtmp, await newsroom.srt)
            let encoder = try await newsroom.encoder(good)
            let stalled = try await newsroom.encoder(silent)
            try await newsroom.segments(of: "silent", atLeast: 1)
            stalled.signal(SIGSTOP)

            // Sorenson's H.263, as Flash had it.
            let flash = try await newsroom.ffmpeg(
                Newsroom.picture + ["-c:v", "flv", "-f", "flv", "\(rtmp)/\(old)"])
            #expect(try await flash.ended(within: .seconds(60)) != .exited(0))
            // It is sent away before the broadcaster is told.
            try await wait(for: "a word about Flash", within: .seconds(60)) {
                await newsroom.state(of: "old").sentence.contains("flv1 video")
            }
            let noise = try await newsroom.ffmpeg(
                Newsroom.sound + ["-c:a", "pcm_s16le", "-f", "s16le", "\(srt)?streamid=\(old)&pkt_size=1316"])
            try await wait(for: "a word about noise over SRT", within: .seconds(60)) {
                await newsroom.state(of: "old").sentence.contains("SRT from 127.0.0.1")
            }
            await noise.stop()

            // Garbage, and a browser that has lost its way.
            let port = rtmp.split(separator: ":").last.map { $0.prefix { $0.isNumber } } ?? ""
            for bytes in ["head -c 100000 /dev/urandom", "printf 'GET / HTTP/1.1\\r\\n\\r\\n'"] {
                let stranger = try Program(
                    "/bin/bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(port); \(bytes) >&3; cat <&3 >/dev/null"])
                _ = try await stranger.ended(within: .seconds(30))
            }
            let origin = try #require(await newsroom.origin)
            try await wait(for: "a word about garbage", within: .seconds(30)) {
                origin.complaints.contains("a connection to the RTMP port was closed")
            }

            try await newsroom.state("held", of: "silent")
            #expect(await newsroom.state(of: "silent").sentence.contains("nothing came from it for 10 s"))
            try await newsroom.state("closed", of: "torn")
            #expect(await newsroom.state(of: "torn").sentence.contains("breaks off"))
            try await newsroom.state("failed", of: "missing")
            #expect(await newsroom.state(of: "missing").sentence.contains("cannot open"))

            #expect(encoder.isRunning)
            let count = await newsroom.segments(of: "good")
            try await newsroom.segments(of: "good", atLeast: count + 2)
        }
    }
}

extension String {
    fileprivate var words: [String] { split(separator: " ").map(String.init) }
}
