import CLibAVFormat
import Glibc
import Synchronization
package import Vocabulary

/// One segment as it was cut.
package struct CutSegment: Sendable {
    package var bytes: [UInt8]
    /// In microseconds, from this segment's first picture to the next one's.
    package var duration: Int64
    /// Milliseconds of Unix time.
    package var programTime: Int64
    package var isDiscontinuity: Bool
    package var isLast: Bool
    /// EXT-X-TARGETDURATION: the same for every segment.
    package var targetDuration: Int
}

/// Turns an input into MPEG-TS segments that begin with keyframes, in real time, on a thread of its own.
///
/// A file or standard input that ends ends the broadcast; an input that breaks is opened again, after a delay that
/// grows, and what follows is marked as a discontinuity. Media is only repackaged, never encoded.
package final class MediaSource: Sendable {
    package struct Settings: Sendable {
        package var input: MediaInput
        /// Where encoders come in, if the input is `.encoders`.
        package var entrance: Entrance?
        /// How long the broadcast is held open for an encoder that is gone.
        package var grace = Interval.seconds(60)
        /// A clip that is shown after that until an encoder is back; without it the broadcast ends.
        package var slate: MediaInput?
        /// Begin again when a file ends.
        package var isLooping = false
        /// In microseconds.
        package var segmentDuration: Int64 = 2_000_000
        /// What an earlier run has promised.
        package var targetDuration: Int?
        /// Hold media back to real time where the source does not; false only makes sense for tests.
        package var isPaced = true

        package init(input: MediaInput) { self.input = input }
    }

    package enum Event: Sendable {
        case described(MediaDescription)
        case cut(CutSegment)
        /// Worth telling the broadcaster.
        case warned(String)
        case retrying(MediaError, after: Double)
        /// An encoder has begun to send, by its name.
        case joined(String)
        /// An encoder is gone; the broadcast may be held open for it.
        case left(MediaError, isHeld: Bool)
        /// No encoder came back in time: the slate is shown.
        case slateBegan
        /// No encoder came back in time, and there is no slate: the programme is over until one comes.
        case abandoned
        /// The input has ended, or was stopped; nothing follows.
        case ended
        /// The input cannot be used, or breaks off for good; nothing follows.
        case failed(MediaError)
    }

    private let settings: Settings
    private let interrupt = Interrupt()
    private let probed: Mutex<Opened?>

    /// A demuxer on its way from the thread that probed it to the thread that reads it.
    private struct Opened: @unchecked Sendable {
        // Not shared: whoever takes it out of the mutex is its only user.
        let demuxer: Demuxer
    }

    package init(_ settings: Settings) {
        self.settings = settings
        probed = Mutex(nil)
    }

    /// Opens the input to see whether it can be broadcast. Blocks.
    package func probe() throws(MediaError) {
        let opened = Opened(demuxer: try Demuxer(settings.input, interrupt: interrupt))
        probed.withLock { $0 = opened }
    }

    /// Starts the thread; `onEvent` is called on it, and holding it up holds up the media.
    package func start(_ onEvent: @escaping @Sendable (Event) -> Void) {
        let body = ThreadBody {
            let opened: Opened? = self.probed.withLock { opened in
                defer { opened = nil }
                return opened
            }
            var packaging = Packaging(settings: self.settings, interrupt: self.interrupt, onEvent: onEvent)
            packaging.run(opened?.demuxer)
        }
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { opaque in
                guard let opaque else { return nil }
                Unmanaged<ThreadBody>.fromOpaque(opaque).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(body).toOpaque())
        precondition(code == 0, "the system gives no more threads")
        pthread_detach(thread)
    }

    /// Ends the input soon; `.ended` follows.
    package func stop() { interrupt.stop() }

    private final class ThreadBody: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
