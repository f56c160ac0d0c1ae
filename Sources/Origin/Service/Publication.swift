import Glibc
import Integrity
package import Logging
package import NIOCore
import OriginCore
package import OriginMedia
import Synchronization
package import Vocabulary
import Wire

/// One broadcast as it is published: takes cut segments, makes them durable and signed, and answers for them.
///
/// Segments come from one thread; questions come from all event loops.
package final class Publication: Sendable {
    package let broadcast: BroadcastID
    package let title: String
    private let folder: DataFolder
    private let log: Logger
    private let state: Mutex<State>
    /// With a lock of its own: answers must not wait for the disk.
    private let store: Mutex<SegmentStore>
    private let onPublished: @Sendable (Record) -> Void

    struct Held {
        var record: Record
        var sealed: [UInt8]
        /// Empty, like `bytes`, when the segment was lost.
        var leaves: [Word256]
        var bytes: ByteBuffer

        var isMissing: Bool { leaves.isEmpty }
    }

    /// What a request may wait for.
    package enum Wish: Hashable, Sendable {
        /// A first segment.
        case anything
        /// A newer segment, or the end.
        case newer(than: UInt64)
        case master
    }

    /// The rendition's playlist, as the master playlist names it.
    static let playlist = "0/index.m3u8"

    private struct State {
        var journal: Journal
        var chain: Chain
        var window = Window()
        /// By sequence number; everything that is listed or retired.
        var held: [UInt64: Held] = [:]
        var targetDuration: Int?
        var description: MediaDescription?
        /// What the master playlist promises of this programme, once it is decided.
        var variant: MasterPlaylist.Variant?
        /// The signed head, until there is news.
        var head: [UInt8]?
        var waiting: [(wish: Wish, promise: EventLoopPromise<Void>)] = []
        var started = Publication.now
        var isFailing = false
        /// A segment has exceeded the promised bandwidth; said once.
        var isExceeding = false

        var newest: Held? { window.listed.last.flatMap { held[$0.segment.sequence] } }
        var isClosed: Bool { chain.isClosed }

        func grants(_ wish: Wish) -> Bool {
            guard let newest = newest?.record else { return false }
            switch wish {
            case .anything: return true
            // Whoever claims to have what was never signed is not worth a held request.
            case .newer(let sequence): return isClosed || newest.segment.sequence != sequence
            case .master: return variant != nil
            }
        }
    }

    /// Goes on where the folder's journal ends.
    package init(
        _ folder: DataFolder, title: String, log: Logger, onPublished: @escaping @Sendable (Record) -> Void
    ) throws {
        self.folder = folder
        self.title = title
        self.log = log
        self.onPublished = onPublished
        broadcast = folder.key.broadcast
        let journal = try Journal(in: folder.path, key: folder.key)
        let epoch = UInt32(clamping: Self.now / 1_000)
        var opening = State(
            journal: journal,
            chain: Chain(broadcast: broadcast, rendition: 0, epoch: epoch))
        opening.targetDuration = journal.targetDuration
        opening.variant = journal.variant
        opening.window = Window(discontinuitySequence: journal.discontinuities)
        Self.restore(&opening, from: SegmentStore(in: folder.path), epoch: epoch, closing: folder.closing)
        state = Mutex(opening)
        store = Mutex(SegmentStore(in: folder.path))
    }

    private static func restore(
        _ state: inout State, from store: SegmentStore, epoch: UInt32, closing: UInt64?
    ) {
        for (record, sealed) in state.journal.records {
            var evicted: [Record] = []
            if let last = state.window.listed.last, last.epoch != record.epoch { evicted = state.window.clear() }
            evicted += state.window.append(record)
            state.held[record.segment.sequence] = Held(
                record: record, sealed: sealed, leaves: [], bytes: ByteBuffer())
            for old in evicted { state.held[old.segment.sequence] = nil }
        }
        for (sequence, held) in state.held {
            guard let (bytes, leaves) = store.read(held.record.root, length: held.record.length) else { continue }
            state.held[sequence]?.bytes = ByteBuffer(bytes: bytes)
            state.held[sequence]?.leaves = leaves
        }
        store.removeAll(but: Set(state.held.values.map(\.record.root)))
        if let newest = state.journal.records.last {
            state.chain = Chain(after: newest.record, hash: SHA256.hash(newest.record.bencoded))
        }
        if let closing, closing == state.window.listed.last?.segment.sequence { state.chain.close() }
        if state.chain.isClosed { reopen(&state, epoch: epoch) }
    }

    /// The programme is over; what starts now is another one under the same name.
    private static func reopen(_ state: inout State, epoch: UInt32) {
        state.chain.reopen(epoch: epoch)
        state.variant = nil
        state.head = nil
        for old in state.window.clear() { state.held[old.segment.sequence] = nil }
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}

// MARK: What the media thread tells

extension Publication {
    /// What an earlier run has promised as EXT-X-TARGETDURATION.
    package var promisedTarget: Int? { state.withLock { $0.targetDuration } }

    package func describe(_ description: MediaDescription) { state.withLock { $0.description = description } }

    /// Returns when the segment's record is on disk and out, or cannot be.
    package func publish(_ segment: CutSegment) {
        let leaves = MerkleTree.leaves(of: segment.bytes)
        let root = MerkleTree.root(ofLeaves: leaves)
        do throws(DataFolderError) {
            try store.withLock { store throws(DataFolderError) in try store.write(segment.bytes, as: root) }
        } catch {
            log.error("segments are served from memory only: \(error)")
        }
        let published = state.withLock { state in
            if state.chain.isClosed { Self.reopen(&state, epoch: UInt32(clamping: Self.now / 1_000)) }
            return commit(segment, root, leaves, to: &state)
        }
        guard let (record, woken) = published else { return }
        for promise in woken { promise.succeed() }
        if record.duration > Int64(segment.targetDuration) * 1_000_000 + 500_000 {
            log.warning(
                "a segment is longer than the playlist promises: set the encoder's keyframe interval to 2 s",
                metadata: ["sequence": "\(record.segment.sequence)", "seconds": "\(Double(record.duration) / 1e6)"])
        }
        onPublished(record)
    }

    /// Ends the programme although its last segment did not say so: the encoder has not come back.
    package func close() {
        let woken = state.withLock { state -> [EventLoopPromise<Void>] in
            guard let newest = state.newest?.record, !state.isClosed else { return [] }
            do throws(DataFolderError) {
                try folder.noteEnd(after: newest.segment.sequence)
            } catch {
                log.error("after a restart the broadcast will not be known to have ended: \(error)")
            }
            state.chain.close()
            state.head = nil
            let waiting = state.waiting
            state.waiting = waiting.filter { !state.grants($0.wish) }
            return waiting.filter { state.grants($0.wish) }.map(\.promise)
        }
        for promise in woken { promise.succeed() }
    }

    private func commit(
        _ segment: CutSegment, _ root: Root, _ leaves: [Word256], to state: inout State
    ) -> (Record, [EventLoopPromise<Void>])? {
        let record = state.chain.record(
            of: Chain.Segment(
                root: root, length: segment.bytes.count, duration: segment.duration,
                programTime: segment.programTime, isDiscontinuity: segment.isDiscontinuity || state.isFailing,
                isLast: segment.isLast))
        let payload = record.bencoded
        let sealed = Envelope.seal(payload, as: .record, with: folder.key)
        do throws(DataFolderError) {
            try keep(sealed, target: segment.targetDuration, in: &state)
        } catch {
            // A record that is not on disk must not be seen: after a crash its number would be given away again.
            if !state.isFailing { log.error("nothing is published until the journal can be written: \(error)") }
            state.isFailing = true
            store.withLock { $0.remove(root) }
            return nil
        }
        state.isFailing = false
        state.targetDuration = segment.targetDuration
        state.head = nil
        state.chain.append(record, hash: SHA256.hash(payload))
        state.held[record.segment.sequence] = Held(
            record: record, sealed: sealed, leaves: leaves, bytes: ByteBuffer(bytes: segment.bytes))
        for old in state.window.append(record) {
            state.held[old.segment.sequence] = nil
            guard !state.held.values.contains(where: { $0.record.root == old.root }) else { continue }
            store.withLock { $0.remove(old.root) }
        }
        promiseBandwidth(of: record, in: &state)
        let waiting = state.waiting
        state.waiting = waiting.filter { !state.grants($0.wish) }
        return (record, waiting.filter { state.grants($0.wish) }.map(\.promise))
    }

    private func keep(_ sealed: [UInt8], target: Int, in state: inout State) throws(DataFolderError) {
        if state.journal.targetDuration == nil {
            try state.journal.rewrite(targetDuration: target, discontinuities: 0, variant: nil, records: [])
        } else if state.journal.isLong {
            // A disk without room for a shorter journal may still have room in the longer one.
            try? shorten(target: target, in: &state)
        }
        try state.journal.append(sealed)
    }

    /// Leaves only what is still needed in the journal.
    private func shorten(target: Int, in state: inout State) throws(DataFolderError) {
        let retired = state.window.retired
        try state.journal.rewrite(
            targetDuration: target,
            discontinuities: state.window.discontinuitySequence - UInt64(retired.count(where: \.isDiscontinuity)),
            variant: state.variant,
            records: (retired + state.window.listed).compactMap { state.held[$0.segment.sequence]?.sealed })
    }

    /// Players choose by it and must never see it change (RFC 8216, section 4.3.4.2).
    private func promiseBandwidth(of record: Record, in state: inout State) {
        let rate = Bandwidth.rate(record.length, record.duration)
        if let promised = state.variant?.bandwidth {
            guard rate > promised, !state.isExceeding else { return }
            state.isExceeding = true
            return log.warning(
                "a segment has more bits per second than the master playlist promises: limit the encoder's bit rate",
                metadata: [
                    "sequence": "\(record.segment.sequence)", "bits": "\(rate)", "promised": "\(promised)",
                ])
        }
        guard let media = state.description, let target = state.targetDuration,
            let bandwidth = Bandwidth(
                after: state.window.listed.map { ($0.length, $0.duration) }, declared: media.bitRate,
                known: media.peakBitRate, isClosed: state.isClosed)
        else { return }
        state.variant = MasterPlaylist.Variant(
            uri: Self.playlist, bandwidth: bandwidth.peak, averageBandwidth: bandwidth.average, codecs: media.codecs,
            width: media.width, height: media.height, framesPerKilosecond: media.framesPerKilosecond)
        // On a full disk the promise lasts only as long as this process.
        try? shorten(target: target, in: &state)
    }
}

// MARK: What event loops ask

extension Publication {
    package var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Succeeds once there is what is wished for, or `patience` is over.
    package func news(
        _ wish: Wish, within patience: TimeAmount, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        let promise = state.withLock { state -> EventLoopPromise<Void>? in
            guard !state.grants(wish), state.waiting.count < 4_096 else { return nil }
            let promise = eventLoop.makePromise(of: Void.self)
            state.waiting.append((wish, promise))
            return promise
        }
        guard let promise else { return eventLoop.makeSucceededVoidFuture() }
        let future = promise.futureResult
        let alarm = eventLoop.scheduleTask(in: patience) {
            let isWaiting = self.state.withLock { state in
                guard let place = state.waiting.firstIndex(where: { $0.promise.futureResult === future }) else {
                    return false
                }
                state.waiting.remove(at: place)
                return true
            }
            if isWaiting { promise.succeed() }
        }
        future.whenComplete { _ in alarm.cancel() }
        return future
    }

    /// The signed head; `nil` before the first segment.
    package var head: [UInt8]? {
        state.withLock { state in
            if let known = state.head { return known }
            guard let newest = state.newest, let target = state.targetDuration else { return nil }
            let oldest = (state.window.retired + state.window.listed).first {
                state.held[$0.segment.sequence]?.isMissing == false
            }
            let head = Head(
                broadcast: broadcast, time: Self.now, targetDuration: target,
                oldest: [(oldest ?? newest.record).segment.sequence], newest: [newest.sealed],
                isClosed: state.isClosed, title: title)
            let sealed = Envelope.seal(head.bencoded, as: .head, with: folder.key)
            state.head = sealed
            return sealed
        }
    }

    /// Records that still have their segments; `nil` when there are none. Complete when nothing was clipped.
    package func records(_ range: ClosedRange<UInt64>) -> (answer: [UInt8], isComplete: Bool)? {
        state.withLock { state in
            var entries: [RecordsAnswer.Entry] = []
            var bytes = 0
            let known = state.held.keys.filter(range.contains).sorted().prefix(Limits.recordsPerAnswer)
            for sequence in known {
                guard let held = state.held[sequence], !held.isMissing else { continue }
                bytes += held.sealed.count + held.leaves.count * 32 + 128
                guard bytes <= Limits.recordsLength else { break }
                entries.append(RecordsAnswer.Entry(record: held.sealed, leaves: held.leaves))
            }
            guard !entries.isEmpty else { return nil }
            return (
                RecordsAnswer(entries: entries).encoded,
                UInt64(entries.count - 1) == range.upperBound - range.lowerBound
            )
        }
    }

    package func segment(_ root: Root) -> ByteBuffer? {
        state.withLock { state in
            state.held.values.first { $0.record.root == root && !$0.isMissing }?.bytes
        }
    }

    package var mediaPlaylist: String? {
        state.withLock { state in
            guard let first = state.window.listed.first, let target = state.targetDuration else { return nil }
            return MediaPlaylist(
                targetDuration: target, mediaSequence: first.segment.sequence,
                discontinuitySequence: state.window.discontinuitySequence,
                segments: state.window.listed.map { record in
                    MediaPlaylist.Segment(
                        record, uri: "../segments/\(record.root).ts",
                        isMissing: state.held[record.segment.sequence]?.isMissing ?? true)
                }, isEnded: state.isClosed
            ).text
        }
    }

    /// `nil` until the media is known and has been seen for long enough to promise a bandwidth.
    package var masterPlaylist: String? {
        state.withLock { state in
            guard let variant = state.variant, state.newest != nil else { return nil }
            return MasterPlaylist(variants: [variant]).text
        }
    }

    /// What trackers list; `hls` is the address of the master playlist.
    func listing(hls: String) -> [UInt8] {
        let listing = state.withLock { state in
            Listing(
                broadcast: broadcast, time: Self.now, title: title,
                status: state.newest == nil ? .ready : state.isClosed ? .closed : .streaming,
                targetDuration: state.targetDuration ?? 2, hls: hls, started: state.started,
                newest: state.newest?.record.segment.sequence ?? 0,
                roots: state.window.listed.suffix(Announcement.rootLimit).reversed().map(\.root))
        }
        return Envelope.seal(listing.bencoded, as: .listing, with: folder.key)
    }

    var figures: (newest: UInt64?, listed: Int, bytes: Int) {
        state.withLock { state in
            (
                state.newest?.record.segment.sequence, state.window.listed.count,
                state.held.values.reduce(0) { $0 + $1.bytes.readableBytes }
            )
        }
    }
}
