import CLibAVFormat
import Glibc
import OriginCore
import Vocabulary

/// The pictures of an input that somebody else has made beside the source, read ahead on a thread of its own.
final class Companion: @unchecked Sendable {
    /// A picture with the input's own times, in 1/90000 s.
    struct Picture {
        var packet: KeptPacket
        /// Counts how often the input was read from its beginning, or opened again.
        var pass: Int
    }

    /// What it consists of.
    struct Opened {
        var track: Track
        var framesPerKilosecond: Int
        var bitRate: Int64
        var peakBitRate: Int64
        var hasSound: Bool
    }

    // Unchecked for the tracks and packets in here, which are handed over under the lock.
    private struct State {
        var opened: Opened?
        var complaint: MediaError?
        var pictures: [Picture] = []
        var next = 0
        var bytes = 0
        var isReading = false
        var isOver = false
        var isLeftOut = false
        var pass = 0
    }

    /// Bytes that may wait; half a minute of what anybody broadcasts.
    private static let limit = 48 << 20

    let input: MediaInput
    /// What messages call it.
    let name: String
    private let isLooping: Bool
    /// Where its encoders come in.
    private let entrance: Entrance?
    private let interrupt = Interrupt()
    private var state = State()
    private var lock = pthread_mutex_t()

    init(_ input: MediaInput, name: String, isLooping: Bool, entrance: Entrance?) {
        self.input = input
        self.name = name
        self.isLooping = isLooping
        self.entrance = entrance
        pthread_mutex_init(&lock, nil)
    }

    deinit { pthread_mutex_destroy(&lock) }

    func start() { DetachedThread.start { self.run() } }

    func stop() { interrupt.stop() }

    private func withState<Value>(_ body: (inout State) -> Value) -> Value {
        pthread_mutex_lock(&lock)
        defer { pthread_mutex_unlock(&lock) }
        return body(&state)
    }

    var opened: Opened? { withState { $0.opened } }
    /// Why it is not read at the moment.
    var complaint: MediaError? { withState { $0.complaint } }
    var isOver: Bool { withState { $0.isOver } }
    /// It is open, and something may come.
    var isReading: Bool { withState { $0.isReading } }
    /// The newest pass.
    var pass: Int { withState { $0.pass } }

    /// The programme goes without it, and whoever comes for it is told so.
    func leaveOut() {
        withState { $0.isLeftOut = true }
        if entrance == nil { stop() }
    }

    var first: Picture? {
        withState { $0.next < $0.pictures.count ? $0.pictures[$0.next] : nil }
    }

    func removeFirst() {
        withState { state in
            guard state.next < state.pictures.count else { return }
            state.bytes -= Int(state.pictures[state.next].packet.packet.pointee.size)
            state.next += 1
            guard state.next == state.pictures.count || state.next >= 1_024 else { return }
            state.pictures.removeFirst(state.next)
            state.next = 0
        }
    }

    func removeAll() { withState { ($0.pictures, $0.next, $0.bytes) = ([], 0, 0) } }

    private func run() {
        var delay = RetryDelay(seed: UInt64(MonotonicClock.now.nanoseconds))
        var pass = 0
        while !interrupt.isStopped {
            do throws(MediaError) {
                let feed = try nextFeed()
                defer { pass += 1 }
                do throws(MediaError) {
                    try read(pass, feed) { delay.reset() }
                } catch {
                    feed?.refuse("\(error)")
                    throw error
                }
                guard input.isLive else {
                    if isLooping { continue }
                    break
                }
                if let feed { throw .gone(name, reason: feed.reason) }
                throw .cannotRead(name, reason: "the sender has ended it")
            } catch {
                withState { state in
                    state.complaint = error
                    state.isReading = false
                }
                guard input.isLive, error != .stopped else { break }
                if entrance == nil { interrupt.sleep(delay.draw()) }
            }
        }
        withState { state in
            state.isReading = false
            state.isOver = true
        }
    }

    /// Waits for an encoder, where encoders bring it.
    private func nextFeed() throws(MediaError) -> Feed? {
        guard let entrance else { return nil }
        while true {
            guard let feed = entrance.take(within: nil, interrupt) else { throw .stopped }
            guard withState({ $0.isLeftOut }) else { return feed }
            feed.refuse("the programme has begun without \(name): start its encoders before or with the source's")
        }
    }

    /// Reads to the end.
    private func read(_ pass: Int, _ feed: Feed?, opened: () -> Void) throws(MediaError) {
        let demuxer =
            if let feed { try Demuxer(feed, interrupt: interrupt) } else { try Demuxer(input, interrupt: interrupt) }
        guard demuxer.hasVideo, let track = demuxer.tracks.first else { throw .noPictures(name) }
        opened()
        let described = Opened(
            track: track, framesPerKilosecond: demuxer.framesPerKilosecond, bitRate: demuxer.bitRate,
            peakBitRate: demuxer.peakBitRate, hasSound: demuxer.audio != nil)
        withState { state in
            state.opened = described
            state.complaint = nil
            state.isReading = true
            state.pass = pass
        }
        var timeline = Timeline(ahead: input.isLive ? 10 * 90_000 : 60 * 90_000)
        while let packet = try demuxer.read() {
            guard packet.pointee.stream_index == demuxer.leading.pointee.index else { continue }
            av_packet_rescale_ts(packet, demuxer.leading.pointee.time_base, Muxer.timeBase)
            let none = av_shim_nopts()
            if packet.pointee.dts == none { packet.pointee.dts = packet.pointee.pts }
            if packet.pointee.pts == none { packet.pointee.pts = packet.pointee.dts }
            guard Muxer.plausible.contains(packet.pointee.pts), Muxer.plausible.contains(packet.pointee.dts) else {
                continue
            }
            packet.pointee.time_base = Muxer.timeBase
            packet.pointee.stream_index = 0
            packet.pointee.duration = min(max(0, packet.pointee.duration), 90_000 * 60)
            switch timeline.judge(
                packet.pointee.dts, isLeading: true, isKeyframe: packet.pointee.flags & AV_PKT_FLAG_KEY != 0)
            {
            case .fits(let correction):
                packet.pointee.pts += correction
                packet.pointee.dts += correction
            case .stray: continue
            case .jumped:
                timeline.reset()
                _ = timeline.judge(packet.pointee.dts, isLeading: true)
            }
            try keep(packet, pass)
        }
    }

    /// A file waits for room; what is live has to be taken, so that the oldest of very much is left out.
    private func keep(_ packet: UnsafeMutablePointer<AVPacket>, _ pass: Int) throws(MediaError) {
        let kept = Picture(packet: KeptPacket(packet), pass: pass)
        let size = Int(packet.pointee.size)
        while true {
            let isKept = withState { state in
                if state.bytes + size > Self.limit, state.next < state.pictures.count {
                    guard input.isLive else { return false }
                    (state.pictures, state.next, state.bytes) = ([], 0, 0)
                }
                state.pictures.append(kept)
                state.bytes += size
                return true
            }
            guard !isKept else { return }
            if interrupt.isStopped { throw .stopped }
            Interrupt.pause()
        }
    }
}
