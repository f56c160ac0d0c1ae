import CLibAVFormat
import Glibc
import Synchronization
package import Vocabulary

/// One segment as it was cut, in all renditions.
package struct CutSegment: Sendable {
    /// Its content in one rendition.
    package struct Media: Hashable, Sendable {
        package var bytes: [UInt8]
        /// What a player needs before it, if it is a fragment.
        package var initialization: [UInt8]?

        package init(bytes: [UInt8], initialization: [UInt8]? = nil) {
            self.bytes = bytes
            self.initialization = initialization
        }
    }

    /// By rendition; the first is the source itself.
    package var media: [Media]
    /// In microseconds, from this segment's first picture to the next one's.
    package var duration: Int64
    /// Milliseconds of Unix time.
    package var programTime: Int64
    package var isDiscontinuity: Bool
    /// It begins without a keyframe, because the encoder made none in time.
    package var isDependent = false
    package var isLast: Bool
    /// EXT-X-TARGETDURATION: the same for every segment.
    package var targetDuration: Int

    package var bytes: [UInt8] { media.first?.bytes ?? [] }
}

/// How segments are wrapped.
package enum Container: String, Hashable, Sendable, CaseIterable {
    /// MPEG-TS, sound and pictures together.
    case ts
    /// Fragments of MP4 with one track each, for HLS and DASH alike.
    case cmaf
}

/// Turns an input into segments that begin with keyframes, in real time, on a thread of its own.
///
/// A file or standard input that ends ends the broadcast; an input that breaks is opened again, after a delay that
/// grows, and what follows is marked as a discontinuity. The source itself is only repackaged; smaller renditions of it
/// come from the ffmpeg program, cut where the source is cut.
package final class MediaSource: Sendable {
    package struct Settings: Sendable {
        package var input: MediaInput
        /// Where encoders come in, if the input is `.encoders`.
        package var entrance: Entrance?
        /// How long the broadcast is held open for an encoder that is gone.
        package var grace = Interval.seconds(60)
        /// An earlier run broke off in the middle of the programme: its encoder is waited for like one that is gone.
        package var isResumed = false
        /// Where it broke off, in milliseconds of Unix time: program time goes on from there if the clock has been set back.
        package var programEnd: Int64 = 0
        /// A clip that is shown after that until an encoder is back; without it the broadcast ends.
        package var slate: MediaInput?
        /// Begin again when a file ends.
        package var isLooping = false
        /// In microseconds.
        package var segmentDuration: Int64 = 2_000_000
        /// What an earlier run has promised.
        package var targetDuration: Int?
        package var container = Container.ts
        /// Heights of the smaller renditions to make, tallest first; those that the source does not exceed are left out.
        package var ladder: [Int] = []
        /// Inputs that are smaller renditions of the input, made beside it; then there is no ladder.
        package var renditions: [MediaInput] = []
        /// Where the encoders of those come in that are `.encoders`, in their order.
        package var sideEntrances: [Entrance] = []
        /// A rendition of sound alone; in fragments there is always one.
        package var hasSoundAlone = false
        /// Hold media back to real time where the source does not; false only makes sense for tests.
        package var isPaced = true

        package init(input: MediaInput) { self.input = input }
    }

    package enum Event: Sendable {
        /// By rendition.
        case described([MediaDescription])
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
        DetachedThread.start {
            let opened: Opened? = self.probed.withLock { opened in
                defer { opened = nil }
                return opened
            }
            var packaging = Packaging(settings: self.settings, interrupt: self.interrupt, onEvent: onEvent)
            packaging.run(opened?.demuxer)
        }
    }

    /// Ends the input soon; `.ended` follows.
    package func stop() { interrupt.stop() }
}
