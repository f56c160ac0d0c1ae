import CLibAVFormat
import Glibc
import OriginCore
import Synchronization

/// The ffmpeg program, which makes smaller renditions of a video while it comes in.
///
/// It takes pictures as MPEG-TS on its standard input and gives all renditions as NUT on its standard output, with the
/// times that they had. One thread fills its input and one reads its output, so that it never holds up the source.
/// Started with `posix_spawn`: its pipes go straight into libavformat, and it ends when its input does.
final class Transcoder {
    /// Bytes of input that may wait.
    private static let backlogLimit = 32 << 20

    private let child: Child
    private let muxer: Muxer
    private let rungs: [LadderPlan.Rung]

    init(_ track: Track, _ rungs: [LadderPlan.Rung]) throws(MediaError) {
        self.rungs = rungs
        // What comes out shall have the times that go in.
        muxer = try Muxer([track], container: .ts, clockLead: 0)
        guard let child = Child(Self.arguments(rungs)) else {
            throw .cannotCut(reason: "the ffmpeg program does not start: \(String(cString: strerror(errno)))")
        }
        self.child = child
    }

    deinit { child.kill() }

    private static func arguments(_ rungs: [LadderPlan.Rung]) -> [String] {
        var arguments = [
            "ffmpeg", "-hide_banner", "-nostats", "-loglevel", "error", "-probesize", "1000000", "-analyzeduration",
            "500000",
            "-fpsprobesize", "0", "-f", "mpegts", "-i", "pipe:0", "-copyts", "-filter_complex",
            "[0:v]split=\(rungs.count)" + rungs.indices.map { "[s\($0)]" }.joined()
                + rungs.enumerated().map { ";[s\($0)]scale=-2:\($1.height)[v\($0)]" }.joined(),
        ]
        for number in rungs.indices { arguments += ["-map", "[v\(number)]"] }
        arguments += [
            "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-fps_mode",
            "passthrough",
            "-enc_time_base", "1:90000", "-g", "600", "-sc_threshold", "0", "-bf", "0", "-force_key_frames", "source",
            "-forced-idr", "1", "-x264-params", "repeat-headers=1",
        ]
        for (number, rung) in rungs.enumerated() {
            arguments += [
                "-b:v:\(number)", "\(rung.bitRate)", "-maxrate:v:\(number)", "\(rung.bitRate * 11 / 10)",
                "-bufsize:v:\(number)", "\(rung.bitRate)",
            ]
        }
        return arguments + ["-flush_packets", "1", "-max_interleave_delta", "0", "-f", "nut", "pipe:1"]
    }

    /// Takes a picture of the source; the packet is consumed.
    func feed(_ packet: KeptPacket) throws(MediaError) {
        defer { withExtendedLifetime(packet) {} }
        try muxer.write(packet.packet, to: 0)
        child.send(muxer.drain())
    }

    /// Nothing more will be fed: what is under way comes out, and then the end.
    func finish() { child.finishInput() }

    /// What has come out since the last call, by rung.
    func take() -> [(rung: Int, packet: KeptPacket)] { child.take() }

    /// What the renditions consist of, by rung; `nil` until the first picture is made.
    var tracks: [Track]? { child.tracks }

    /// Nothing more will come.
    var isOver: Bool { child.isOver }

    /// It takes less than it is given.
    var isFlooded: Bool { child.backlog > Self.backlogLimit }

    var backlog: Int { child.backlog }
}

/// The process and the two threads that serve its pipes.
private final class Child: @unchecked Sendable {
    // Unchecked for the tracks and packets in `state`, which are handed over under its lock.
    private struct State {
        var input: [[UInt8]] = []
        var backlog = 0
        var isInputFinished = false
        var output: [(rung: Int, packet: KeptPacket)] = []
        var tracks: [Track]?
        var isOver = false
    }

    private var state = State()
    private var lock = pthread_mutex_t()
    private var condition = pthread_cond_t()
    private let pid: pid_t
    private let input: Int32
    private let output: Int32

    init?(_ arguments: [String]) {
        var near: [Int32] = [-1, -1]
        var far: [Int32] = [-1, -1]
        // Sockets instead of pipes: writing to a child that is gone must not raise SIGPIPE, and no child may inherit them.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &near) == 0 else { return nil }
        guard socketpair(AF_UNIX, kind, 0, &far) == 0 else {
            close(near[0])
            close(near[1])
            return nil
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, near[1], 0)
        posix_spawn_file_actions_adddup2(&actions, far[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Its own process group: a Ctrl-C on the terminal reaches us alone, and we end it in order.
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for number in [SIGINT, SIGTERM, SIGPIPE] { sigaddset(&defaults, number) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setpgroup(&attributes, 0)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var pid: pid_t = 0
        let failed = posix_spawnp(&pid, "ffmpeg", &actions, &attributes, &words, environ)
        close(near[1])
        close(far[1])
        guard failed == 0 else {
            close(near[0])
            close(far[0])
            errno = failed
            return nil
        }
        self.pid = pid
        input = near[0]
        output = far[0]
        pthread_mutex_init(&lock, nil)
        pthread_cond_init(&condition, nil)
        DetachedThread.start { self.write() }
        DetachedThread.start { self.read() }
    }

    deinit {
        pthread_mutex_destroy(&lock)
        pthread_cond_destroy(&condition)
    }

    private func withState<Value>(_ body: (inout State) -> Value) -> Value {
        pthread_mutex_lock(&lock)
        defer { pthread_mutex_unlock(&lock) }
        return body(&state)
    }

    var tracks: [Track]? { withState { $0.tracks } }
    var isOver: Bool { withState { $0.isOver } }
    var backlog: Int { withState { $0.backlog } }

    func send(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        withState { state in
            guard !state.isOver else { return }
            state.input.append(bytes)
            state.backlog += bytes.count
        }
        pthread_cond_signal(&condition)
    }

    func finishInput() {
        withState { $0.isInputFinished = true }
        pthread_cond_signal(&condition)
    }

    func take() -> [(rung: Int, packet: KeptPacket)] {
        withState { state in
            defer { state.output = [] }
            return state.output
        }
    }

    func kill() {
        withState { state in
            // The child is collected under the lock, so its id cannot belong to another process yet.
            if !state.isOver { _ = Glibc.kill(pid, SIGKILL) }
            state.isInputFinished = true
            state.input = []
        }
        pthread_cond_signal(&condition)
    }

    private func write() {
        while true {
            pthread_mutex_lock(&lock)
            while state.input.isEmpty, !state.isInputFinished { pthread_cond_wait(&condition, &lock) }
            let chunks = state.input
            state.input = []
            let isFinished = state.isInputFinished && chunks.isEmpty
            pthread_mutex_unlock(&lock)
            if isFinished { break }
            for chunk in chunks {
                var sent = 0
                while sent < chunk.count {
                    let count = chunk.withUnsafeBytes {
                        Glibc.send(
                            input, $0.baseAddress?.advanced(by: sent), $0.count - sent, Int32(MSG_NOSIGNAL))
                    }
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { break }
                    sent += count
                }
                withState { $0.backlog -= chunk.count }
            }
        }
        close(input)
    }

    private func read() {
        demux()
        close(output)
        var status: Int32 = 0
        // Whoever closes its output has nothing left to do.
        _ = Glibc.kill(pid, SIGKILL)
        withState { state in
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            state.isOver = true
            state.isInputFinished = true
        }
        pthread_cond_signal(&condition)
    }

    private func demux() {
        var context: UnsafeMutablePointer<AVFormatContext>?
        guard avformat_open_input(&context, "pipe:\(output)", av_find_input_format("nut"), nil) >= 0,
            let opened = context,
            let packet = av_packet_alloc()
        else { return }
        defer {
            var freed: UnsafeMutablePointer<AVPacket>? = packet
            av_packet_free(&freed)
            avformat_close_input(&context)
        }
        while av_read_frame(opened, packet) >= 0 {
            let rung = Int(packet.pointee.stream_index)
            if let base = opened.pointee.streams[rung]?.pointee.time_base {
                av_packet_rescale_ts(packet, base, Muxer.timeBase)
            }
            packet.pointee.dts = packet.pointee.pts
            let kept = KeptPacket(packet)
            withState { state in
                if state.tracks == nil {
                    state.tracks = (0..<Int(opened.pointee.nb_streams)).compactMap { number in
                        opened.pointee.streams[number].map { Track($0.pointee.codecpar) }
                    }
                }
                state.output.append((rung, kept))
            }
            av_packet_unref(packet)
        }
    }
}
