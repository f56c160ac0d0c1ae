import CLibAVFormat
import Vocabulary

/// What is read next: the one input, or whichever encoder comes in, or the slate while none does.
struct Lineup {
    private let settings: MediaSource.Settings
    private let interrupt: Interrupt
    private let onEvent: @Sendable (MediaSource.Event) -> Void
    private var feed: Feed?
    /// It is what is read next, too: what comes in it has changed.
    private var isChanged = false
    private var absence = Absence.notBegun
    /// When the broadcast is given up.
    private var end = Instant.distantFuture
    /// What is read was not waited for: the programme before it is over.
    private(set) var isNewProgramme = false

    /// What has become of the encoder.
    private enum Absence { case notBegun, present, held, slate, abandoned }

    init(
        settings: MediaSource.Settings, interrupt: Interrupt, onEvent: @escaping @Sendable (MediaSource.Event) -> Void
    ) {
        self.settings = settings
        self.interrupt = interrupt
        self.onEvent = onEvent
        if settings.isResumed { end = MonotonicClock.now + settings.grace }
    }

    var isSlate: Bool { absence == .slate }

    /// The slate is on, and an encoder has come.
    var isRelieved: Bool { isSlate && settings.entrance?.hasNewcomer == true }

    /// Opens what comes next; waits for an encoder where encoders are what is broadcast.
    mutating func next() throws(MediaError) -> Demuxer {
        guard let entrance = settings.entrance else { return try call() }
        if isChanged, let feed { return try open(feed) }
        while true {
            if let feed = entrance.take(within: patience, interrupt) { return try open(feed) }
            if interrupt.isStopped { throw .stopped }
            // What the programme consists of is for an encoder to say.
            if absence != .notBegun, let slate = openSlate() { return slate }
            absence = .abandoned
            onEvent(.abandoned)
        }
    }

    /// Opens an address; who does not answer there, or does not send, within the grace period has ended the programme.
    private mutating func call() throws(MediaError) -> Demuxer {
        guard settings.input.isLive else { return try Demuxer(settings.input, interrupt: interrupt) }
        let patience = patience
        do throws(MediaError) {
            let demuxer = try Demuxer(settings.input, within: patience, interrupt: interrupt)
            isNewProgramme = absence == .abandoned
            absence = .present
            return demuxer
        } catch {
            guard error != .stopped, patience != nil, MonotonicClock.now >= end else { throw error }
            absence = .abandoned
            onEvent(.abandoned)
            throw error
        }
    }

    /// What is read from an address has broken off.
    mutating func breakOff() {
        guard absence == .present else { return }
        absence = .held
        end = MonotonicClock.now + settings.grace
    }

    /// The encoder is gone, or sends what cannot be broadcast.
    mutating func breakOff(_ error: MediaError) {
        guard let feed else { return }
        // MPEG-TS can be read from anywhere.
        if case .changed = error, feed.format == .mpegts {
            isChanged = true
            return onEvent(.warned("\(error); players see a discontinuity"))
        }
        feed.refuse("\(error)")
        self.feed = nil
        if absence == .present {
            absence = .held
            end = MonotonicClock.now + settings.grace
        }
        onEvent(.left(error, isHeld: absence == .held || absence == .slate))
    }

    private var patience: Interval? {
        switch absence {
        case .notBegun where !settings.isResumed, .abandoned: nil
        // Whoever comes and sends nothing of use does not prolong it.
        case .notBegun, .present, .held: max(.zero, end - MonotonicClock.now)
        case .slate: .zero
        }
    }

    private mutating func open(_ feed: Feed) throws(MediaError) -> Demuxer {
        self.feed = feed
        isChanged = false
        let demuxer = try Demuxer(feed, interrupt: interrupt)
        isNewProgramme = absence == .abandoned
        absence = .present
        onEvent(.joined(feed.name))
        return demuxer
    }

    private mutating func openSlate() -> Demuxer? {
        guard let slate = settings.slate else { return nil }
        do throws(MediaError) {
            let demuxer = try Demuxer(slate, interrupt: interrupt)
            if absence != .slate { onEvent(.slateBegan) }
            absence = .slate
            return demuxer
        } catch {
            onEvent(.warned("the slate cannot be shown: \(error)"))
            return nil
        }
    }
}
