import Foundation
import Stage
import Testing
import Vocabulary

@Suite(.timeLimit(.minutes(5))) struct `Odd encoders` {
    private static func picture(_ rate: String) -> [String] {
        ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=\(rate)"]
    }

    private static func codecs(_ options: [String]) -> [String] {
        [
            "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-sc_threshold", "0", "-b:v", "300k",
            "-maxrate", "300k", "-bufsize", "300k", "-c:a", "aac", "-b:a", "64k",
        ] + options
    }

    /// Two sizes one after the other, as an encoder sends them whose operator has changed it.
    private func sizes(in newsroom: Newsroom) async throws -> String {
        var joined: [UInt8] = []
        for (number, size) in ["320x180", "480x270"].enumerated() {
            let path = "\(newsroom.folder)/\(number).flv"
            let ffmpeg = try await newsroom.ffmpeg(
                ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25", "-f", "lavfi", "-i", "sine"]
                    + Self.codecs(["-g", "25", "-t", "5", "-output_ts_offset", "\(number * 5)", path]))
            #expect(try await ffmpeg.ended(within: .seconds(60)) == .exited(0))
            let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
            // The header of FLV has 9 bytes, and 4 follow it.
            joined += number == 0 ? bytes[...] : bytes[13...]
        }
        let path = "\(newsroom.folder)/sizes.flv"
        try Data(joined).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func `are broadcast as they are`() async throws {
        try await Newsroom.run { newsroom in
            let fragments = ["sport", "six", "modern", "radio"]
            let names = ["film", "sport", "six", "varying", "wrap", "sizes", "modern", "radio"]
            var keys: [String: String] = [:]
            for name in names {
                keys[name] = try await newsroom.open(name, fragments.contains(name) ? "cmaf" : "ts")
            }
            let sizes = try await sizes(in: newsroom)
            try await newsroom.serve()
            let (rtmp, srt) = (await newsroom.rtmp, await newsroom.srt)
            func send(_ name: String, _ arguments: [String]) async throws {
                _ = try await newsroom.ffmpeg(arguments + ["-f", "flv", "\(rtmp)/\(keys[name] ?? "")"])
            }
            try await send(
                "film", Self.picture("24000/1001") + Newsroom.sound + Self.codecs(["-bf", "3", "-g", "24"]))
            try await send("sport", Self.picture("60000/1001") + Newsroom.sound + Self.codecs(["-g", "60"]))
            try await send("six", Self.picture("25") + Newsroom.sound + Self.codecs(["-g", "25", "-ac", "6"]))
            try await send(
                "varying",
                Self.picture("25") + Newsroom.sound
                    + Self.codecs([
                        "-vf", "select='not(mod(n,7))+lt(mod(n,50),20)'", "-vsync", "vfr", "-force_key_frames",
                        "expr:gte(t,n_forced)",
                    ]))
            // FLV's muxer counts milliseconds in 31 bits.
            try await send(
                "wrap",
                Self.picture("25") + Newsroom.sound + Self.codecs(["-g", "25", "-output_ts_offset", "2147479"]))
            try await send("sizes", ["-re", "-i", sizes, "-c", "copy"])
            _ = try await newsroom.ffmpeg(
                Self.picture("25") + Newsroom.sound + [
                    "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=25:scenecut=0",
                    "-pix_fmt", "yuv420p", "-b:v", "300k", "-c:a", "aac", "-f", "mpegts",
                    "\(srt)?streamid=\(keys["modern"] ?? "")",
                ])
            _ = try await newsroom.ffmpeg(
                Newsroom.sound + ["-c:a", "aac", "-f", "mpegts", "\(srt)?streamid=\(keys["radio"] ?? "")"])
            for name in names { try await newsroom.segments(of: name, atLeast: 8) }
            for name in names where !fragments.contains(name) {
                let text = try await newsroom.playlist(of: name).text
                let expected = name == "sizes" ? 1 : 0
                #expect(Newsroom.discontinuities(in: text) == expected, "\(name)")
                let complaints = try await newsroom.complaints(about: name)
                #expect(complaints.isEmpty, "\(name): \(complaints)")
            }
            #expect(await newsroom.origin?.complaints.contains("the encoder has changed its pictures") == true)
        }
    }

    @Test func `whose pictures or sound fail in the middle are broadcast on`() async throws {
        try await Newsroom.run { newsroom in
            // From the third second on: 25 pictures, 31.25 pieces of AC-3 and 41.67 of MP3 a second.
            let sources: [(name: String, format: String, options: [String])] = [
                ("frozen", "flv", ["-bsf:v", "noise=drop='between(n,80,190)'"]),
                (
                    "lost", "mpegts",
                    ["-bsf:v", "noise=drop='between(n,80,190)'", "-bsf:a", "noise=drop='between(n,150,356)'"]
                ),
                ("mute", "mpegts", ["-c:a", "ac3", "-bsf:a", "noise=drop='gt(n,93)'"]),
                ("hush", "flv", ["-c:a", "mp3", "-bsf:a", "noise=drop='gt(n,125)'"]),
                ("loas", "mpegts", ["-mpegts_flags", "latm"]),
            ]
            var keys: [String: String] = [:]
            for container in ["ts", "cmaf"] {
                for source in sources {
                    let name = "\(source.name)-\(container)"
                    keys[name] = try await newsroom.open(name, container)
                }
            }
            try await newsroom.serve()
            let (rtmp, srt) = (await newsroom.rtmp, await newsroom.srt)
            for source in sources {
                let path = "\(newsroom.folder)/\(source.name).\(source.format)"
                let ffmpeg = try await newsroom.ffmpeg(
                    ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine"]
                        + Self.codecs(["-g", "25", "-bf", "2", "-ar", "48000", "-t", "20"]) + source.options
                        + ["-f", source.format, path])
                #expect(try await ffmpeg.ended(within: .seconds(60)) == .exited(0))
                for container in ["ts", "cmaf"] {
                    let key = keys["\(source.name)-\(container)"] ?? ""
                    // ffmpeg would wait 10 s for what is missing.
                    _ = try await newsroom.ffmpeg(
                        [
                            "-re", "-i", path, "-c", "copy", "-max_interleave_delta", "300000", "-f", source.format,
                            source.format == "flv" ? "\(rtmp)/\(key)" : "\(srt)?streamid=\(key)",
                        ])
                }
            }
            for name in keys.keys.sorted() { try await newsroom.segments(of: name, atLeast: 11) }
            for container in ["ts", "cmaf"] {
                for source in sources {
                    let name = "\(source.name)-\(container)"
                    let (text, playlist) = try await newsroom.playlist(of: name)
                    #expect(playlist.faults.isEmpty, "\(name): \(playlist.faults)")
                    let expected = source.name == "lost" ? 1 : 0
                    #expect(Newsroom.discontinuities(in: text) == expected, "\(name): \(text)")
                }
            }
            let said = await newsroom.origin?.complaints ?? ""
            for name in ["mute-ts", "mute-cmaf", "hush-ts", "hush-cmaf"] {
                #expect(said.contains("silence stands in for it broadcast=\(name)"), "\(said)")
            }
            #expect(!said.contains("Keyframe Interval"), "\(said)")
            #expect(said.components(separatedBy: "nothing came to be shown").count - 1 == 1, "\(said)")
        }
    }

    @Test func `whose pictures stop go on with the last keyframe and the sound, in all renditions`() async throws {
        try await Newsroom.run { newsroom in
            // For 14.4 s; the first that comes again refers to others.
            let path = "\(newsroom.folder)/stopped.flv"
            let ffmpeg = try await newsroom.ffmpeg(
                ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine"]
                    + Self.codecs([
                        "-g", "25", "-bf", "2", "-t", "30", "-bsf:v", "noise=drop='between(n,80,440)'", path,
                    ]))
            #expect(try await ffmpeg.ended(within: .seconds(60)) == .exited(0))
            var keys: [String: String] = [:]
            for container in ["ts", "cmaf"] {
                try await newsroom.add(container, "--ladder", "90", "--grace", "600", "--container", container)
                keys[container] = try await newsroom.key(of: container)
            }
            try await newsroom.serve()
            let rtmp = await newsroom.rtmp
            for key in keys.values {
                _ = try await newsroom.ffmpeg([
                    "-re", "-i", path, "-c", "copy", "-max_interleave_delta", "300000", "-f", "flv", "\(rtmp)/\(key)",
                ])
            }
            for container in ["ts", "cmaf"] {
                try await newsroom.segments(of: container, atLeast: 24)
                let (text, playlist) = try await newsroom.playlist(of: container)
                #expect(playlist.faults.isEmpty && Newsroom.discontinuities(in: text) == 0, "\(text)")
            }
            #expect(try await newsroom.complaints(about: "ts").isEmpty)
            // Chromium takes a picture in MPEG-TS that stands for longer for a hole, and ends.
            let ffprobe = try await newsroom.start(
                "ffprobe",
                [
                    "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "csv=p=0",
                    "\(newsroom.folder)/ts.ts",
                ])
            _ = try await ffprobe.ended(within: .seconds(60))
            let times = String(decoding: ffprobe.output, as: UTF8.self).split { !"0123456789.".contains($0) }
                .compactMap { Double($0) }.sorted()
            #expect(times.count > 100 && zip(times, times.dropFirst()).allSatisfy { $1 - $0 < 0.6 }, "\(times)")
            let said = await newsroom.origin?.complaints ?? ""
            #expect(said.components(separatedBy: "is shown until another comes").count - 1 == 2, "\(said)")
            #expect(!said.contains("given up"), "\(said)")
        }
    }

    @Test func `whose pictures and sound do not begin together are broadcast with both`() async throws {
        try await Newsroom.run { newsroom in
            // From MPEG-TS, ffmpeg tells RTMP how sound is to be read when the first of it comes.
            let sources = [
                ("flv-pictures", "flv", "4", "0"), ("ts-pictures", "mpegts", "4", "0"),
                ("ts-sound", "mpegts", "0", "4"), ("ts-late-sound", "mpegts", "0", "5"),
                ("flv-sound", "flv", "0", "4"), ("flv-late-sound", "flv", "0", "7"),
            ]
            var keys: [String: String] = [:]
            for container in ["ts", "cmaf"] {
                for (name, _, _, _) in sources {
                    let name = "\(name)-\(container)"
                    keys[name] = try await newsroom.open(name, container)
                }
            }
            try await newsroom.serve()
            let (rtmp, srt) = (await newsroom.rtmp, await newsroom.srt)
            for (name, format, pictures, sound) in sources {
                let path = "\(newsroom.folder)/\(name).ts"
                let ffmpeg = try await newsroom.ffmpeg(
                    ["-itsoffset", pictures, "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"]
                        + ["-itsoffset", sound, "-f", "lavfi", "-i", "sine"]
                        + Self.codecs(["-g", "25", "-ar", "48000", "-t", "20", path]))
                #expect(try await ffmpeg.ended(within: .seconds(60)) == .exited(0))
                for container in ["ts", "cmaf"] {
                    let key = keys["\(name)-\(container)"] ?? ""
                    _ = try await newsroom.ffmpeg([
                        "-analyzeduration", "20M", "-re", "-i", path, "-c", "copy", "-max_interleave_delta", "300000",
                        "-f",
                        format, format == "flv" ? "\(rtmp)/\(key)" : "\(srt)?streamid=\(key)",
                    ])
                }
            }
            for name in keys.keys.sorted() { try await newsroom.segments(of: name, atLeast: 11) }
            for name in keys.keys.sorted() {
                let hls = try #require(await newsroom.events("broadcast", of: name).last?["hls"]?.text)
                let path = "\(newsroom.folder)/\(name).pcm"
                let ffmpeg = try await newsroom.ffmpeg([
                    "-live_start_index", "0", "-i", hls, "-map", "0:a:0", "-t", "10", "-ac", "1", "-f", "s16le", path,
                ])
                #expect(try await ffmpeg.ended(within: .seconds(60)) == .exited(0), "\(name): \(ffmpeg.complaints)")
                let samples = try Data(contentsOf: URL(fileURLWithPath: path)).suffix(20_000)
                #expect(samples.contains { $0 != 0 && $0 != 255 }, "\(name) is silent in the end")
                let text = try await newsroom.playlist(of: name).text
                let expected = name.hasPrefix("flv-late") ? 1 : 0
                #expect(Newsroom.discontinuities(in: text) == expected, "\(name): \(text)")
            }
            #expect(await newsroom.origin?.complaints.contains("left out") == false)
        }
    }

    @Test func `that come back without their sound go on with silence`() async throws {
        try await Newsroom.run { newsroom in
            var keys: [String: String] = [:]
            for container in ["ts", "cmaf"] {
                keys[container] = try await newsroom.open(container, container)
            }
            try await newsroom.serve()
            let rtmp = await newsroom.rtmp
            var first: [Program] = []
            for key in keys.values { first.append(try await newsroom.encoder(key)) }
            for container in ["ts", "cmaf"] { try await newsroom.segments(of: container, atLeast: 4) }
            for encoder in first { await encoder.stop() }
            for key in keys.values {
                _ = try await newsroom.ffmpeg(Newsroom.picture + Newsroom.codecs + ["-f", "flv", "\(rtmp)/\(key)"])
            }
            for container in ["ts", "cmaf"] { try await newsroom.segments(of: container, atLeast: 13) }
            for container in ["ts", "cmaf"] {
                let text = try await newsroom.playlist(of: container).text
                #expect(Newsroom.discontinuities(in: text) == 1, "\(text)")
            }
        }
    }

    @Test func `with 20 s between keyframes are cut without them, and their operators are told what to change`()
        async throws
    {
        try await Newsroom.run { newsroom in
            var keys: [String: String] = [:]
            for container in ["ts", "cmaf"] {
                keys[container] = try await newsroom.open(container, container)
            }
            try await newsroom.serve()
            let rtmp = await newsroom.rtmp
            for container in ["ts", "cmaf"] {
                _ = try await newsroom.ffmpeg(
                    Self.picture("25") + Newsroom.sound + Self.codecs(["-g", "500", "-bf", "2"])
                        + ["-f", "flv", "\(rtmp)/\(keys[container] ?? "")"])
            }
            for container in ["ts", "cmaf"] {
                try await newsroom.segments(of: container, atLeast: 4)
                let (text, playlist) = try await newsroom.playlist(of: container)
                #expect(playlist.faults.isEmpty && !text.contains("#EXT-X-DISCONTINUITY\n"), "\(text)")
                #expect(!text.contains("#EXT-X-INDEPENDENT-SEGMENTS"), "\(text)")
            }
            let said = await newsroom.origin?.complaints ?? ""
            #expect(said.components(separatedBy: "Keyframe Interval: 2 s").count - 1 == 2, "\(said)")
        }
    }

    @Test func `are not what fills a disk: the broadcast goes on from memory, and says so`() async throws {
        try await Newsroom.run { newsroom in
            for name in ["full", "roomy"] { try await newsroom.add(name, "--ladder", "none") }
            let (full, roomy) = (try await newsroom.key(of: "full"), try await newsroom.key(of: "roomy"))
            // Its folder becomes a disk of its own, which nobody but the origin sees.
            let script =
                "cd '\(newsroom.folder)/broadcasts' && cp -a full kept.full && mount -t tmpfs -o size=512k none full"
                + " && cp -a kept.full/. full/ && exec \"$@\""
            try await newsroom.serve(
                through: ["unshare", "--mount", "/bin/sh", "-c", script, "sh"])
            let encoders = [try await newsroom.encoder(full), try await newsroom.encoder(roomy)]
            try await wait(for: "a word about the disk", within: .seconds(60)) {
                await newsroom.origin?.complaints.contains("No space left on device") == true
            }
            let counts = (await newsroom.segments(of: "full"), await newsroom.segments(of: "roomy"))
            try await newsroom.segments(of: "full", atLeast: counts.0 + 4)
            try await newsroom.segments(of: "roomy", atLeast: counts.1 + 4)
            for encoder in encoders { #expect(encoder.isRunning) }
            let origin = try #require(await newsroom.origin)
            #expect(origin.complaints.contains("segments are served from memory only"), "\(origin.complaints)")
        }
    }
}
