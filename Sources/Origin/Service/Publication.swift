import Integrity
package import Logging
package import NIOCore
import OriginCore
package import OriginMedia
import Synchronization
package import Vocabulary
package import WebServer
import Wire

/// One broadcast as it is published: takes cut segments, makes them durable and signed, and answers for them.
///
/// Segments come from one thread; questions come from all event loops.
package final class Publication: Sendable {
    package let broadcast: BroadcastID
    package let title: String
    private let details: Listing.Details
    private let folder: DataFolder
    private let log: Logger
    private let state: Mutex<State>
    /// With a lock of its own: answers must not wait for the disk.
    private let store: Mutex<SegmentStore>
    private let onPublished: @Sendable (Record) -> Void

    /// One sequence number in all renditions.
    struct Held {
        /// By rendition.
        var copies: [Copy]

        /// What is the same in all of them, from rendition 0.
        var record: Record { copies[0].record }
        var sealed: [UInt8] { copies[0].sealed }
        var isMissing: Bool { copies[0].isMissing }
    }

    struct Copy {
        var record: Record
        var sealed: [UInt8]
        /// Empty when the segment was lost.
        var leaves: [Word256]

        var isMissing: Bool { leaves.isEmpty }
    }

    /// What can be asked for by its root.
    package struct Content: Sendable {
        package enum Kind: String, Hashable, Sendable {
            case transport = "ts", fragment = "m4s", initialization = "mp4"
        }

        package let kind: Kind
        package let bytes: KeptBytes

        init(_ kind: Kind, _ bytes: [UInt8], root: Root, in folder: DataFolder) {
            self.kind = kind
            let type =
                switch kind {
                case .transport: "video/mp2t"
                case .fragment: "video/iso.segment"
                case .initialization: "video/mp4"
                }
            self.bytes = KeptBytes(
                bytes, onDisk: SegmentStore.path(of: root, in: folder.path),
                headers: OriginSite.cors + [
                    ("content-type", type), ("etag", "\"\(root)\""), ("accept-ranges", "bytes"),
                    ("cache-control", "public, max-age=31536000, immutable"),
                ])
        }
    }

    /// What a request may wait for.
    package enum Wish: Hashable, Sendable {
        /// A first segment.
        case anything
        /// A newer segment, or the end.
        case newer(than: UInt64)
        case master
    }

    private struct Waiter {
        var wish: Wish
        var promise: EventLoopPromise<Void>
        var host: IPAddress?
    }

    private struct State {
        var journal: Journal
        var chain: Chain
        var window = Window()
        /// By sequence number; everything that is listed or retired.
        var held: [UInt64: Held] = [:]
        /// The bytes of all that, segments and initialization sections.
        var contents: [Root: Content] = [:]
        var targetDuration: Int?
        /// By rendition.
        var descriptions: [MediaDescription] = []
        /// What the multivariant playlist promises of this programme, once it is decided.
        var renditions: [Rendition] = []
        var periods = DashPeriods()
        /// The signed head, until there is news.
        var head: [UInt8]? {
            didSet { if head == nil { version += 1 } }
        }
        /// Counts the news.
        var version = 0
        /// Who waits, the longest first.
        var waiting: [Waiter] = []
        var started = WallClock.now
        /// How far the clock of the programme is ahead of the monotonic one, in milliseconds.
        var ahead: Int64?
        var isFailing = false

        /// Takes one out who waits, if there are too many: of whose requests most wait, so that one host, which may have hung
        /// up long since, does not have the others answered before there is news.
        mutating func makeRoom() -> EventLoopPromise<Void>? {
            guard waiting.count >= Publication.waitingLimit else { return nil }
            var counts: [IPAddress?: Int] = [:]
            for waiter in waiting { counts[waiter.host, default: 0] += 1 }
            let most = counts.values.max()
            return waiting.firstIndex { counts[$0.host] == most }.map { waiting.remove(at: $0).promise }
        }

        var newest: Held? { window.listed.last.flatMap { held[$0.segment.sequence] } }
        var isClosed: Bool { chain.isClosed }

        /// What is in the programme is over by its clock. When it begins anew the clock is set.
        mutating func setClock(_ record: Record) {
            let uptime = MonotonicClock.now.milliseconds
            let known = record.isDiscontinuity ? nil : ahead
            ahead = max(known ?? WallClock.now - uptime, record.programEnd - uptime)
        }

        func grants(_ wish: Wish) -> Bool {
            guard let newest = newest?.record else { return false }
            switch wish {
            case .anything: return true
            // Whoever claims to have what was never signed is not worth a held request.
            case .newer(let sequence): return isClosed || newest.segment.sequence != sequence
            case .master: return !renditions.isEmpty
            }
        }

        /// Removes rows; returns the roots that nothing names any more.
        mutating func forget(_ rows: [Record]) -> [Root] {
            let gone = rows.compactMap { held.removeValue(forKey: $0.segment.sequence) }
            guard !gone.isEmpty else { return [] }
            let needed = Set(held.values.flatMap { Self.roots(of: $0) })
            let lost = Set(gone.flatMap { Self.roots(of: $0) }).subtracting(needed)
            for root in lost { contents[root] = nil }
            return lost.sorted()
        }

        static func roots(of row: Held) -> [Root] {
            row.copies.flatMap { [$0.record.root] + ($0.record.initialization.map { [$0] } ?? []) }
        }
    }

    /// Goes on where the folder's journal ends.
    package init(
        _ folder: DataFolder, title: String, details: Listing.Details = .init(), log: Logger,
        onPublished: @escaping @Sendable (Record) -> Void
    ) throws {
        self.folder = folder
        self.title = title
        self.details = details
        self.log = log
        self.onPublished = onPublished
        broadcast = folder.key.broadcast
        let journal = try Journal(in: folder.path, key: folder.key)
        let epoch = UInt32(clamping: WallClock.now / 1_000)
        var opening = State(
            journal: journal,
            chain: Chain(broadcast: broadcast, epoch: epoch))
        opening.targetDuration = journal.targetDuration
        opening.renditions = journal.renditions
        opening.window = Window(discontinuitySequence: journal.discontinuities)
        Self.restore(&opening, from: folder, epoch: epoch, closing: folder.closing)
        state = Mutex(opening)
        store = Mutex(SegmentStore(in: folder.path))
    }

    private static func restore(
        _ state: inout State, from folder: DataFolder, epoch: UInt32, closing: UInt64?
    ) {
        let store = SegmentStore(in: folder.path)
        for row in state.journal.rows {
            guard let record = row.first?.record else { continue }
            var evicted: [Record] = []
            if let last = state.window.listed.last, last.epoch != record.epoch { evicted = state.window.clear() }
            evicted += state.window.append(record, targetDuration: state.targetDuration ?? 1)
            state.held[record.segment.sequence] = Held(
                copies: row.map { Copy(record: $0.record, sealed: $0.sealed, leaves: []) })
            _ = state.forget(evicted)
        }
        for (sequence, row) in state.held {
            for (number, copy) in row.copies.enumerated() {
                guard let (bytes, leaves) = store.read(copy.record.root) else { continue }
                if let section = copy.record.initialization {
                    guard let (bytes, _) = store.read(section) else { continue }
                    state.contents[section] = Content(.initialization, bytes, root: section, in: folder)
                }
                state.contents[copy.record.root] = Content(
                    copy.record.initialization == nil ? .transport : .fragment, bytes, root: copy.record.root,
                    in: folder)
                state.held[sequence]?.copies[number].leaves = leaves
            }
        }
        store.removeAll(but: Set(state.contents.keys))
        if let newest = state.journal.rows.last, let first = newest.first {
            state.chain = Chain(after: first.record, hashes: newest.map { SHA256.hash($0.record.bencoded) })
        }
        if let closing, closing == state.window.listed.last?.segment.sequence { state.chain.close() }
        if state.chain.isClosed { reopen(&state, epoch: epoch) }
    }

    /// The programme is over; what starts now is another one under the same name.
    private static func reopen(_ state: inout State, epoch: UInt32) {
        state.chain.reopen(epoch: epoch)
        state.renditions = []
        state.periods = DashPeriods()
        // Whoever played the old one has seen its end, and the new one may need longer segments.
        state.targetDuration = nil
        state.head = nil
        _ = state.forget(state.window.clear())
    }
}

// MARK: What the media thread tells

extension Publication {
    /// What an earlier run has promised as EXT-X-TARGETDURATION.
    package var promisedTarget: Int? { state.withLock { $0.targetDuration } }

    /// By rendition.
    /// What is said again later changes what players are told, but for the bandwidth.
    package func describe(_ descriptions: [MediaDescription]) {
        state.withLock { state in
            state.descriptions = descriptions
            guard let target = state.targetDuration, state.renditions.count == descriptions.count else { return }
            var renditions = state.renditions
            for (number, media) in descriptions.enumerated() {
                renditions[number] = Rendition(
                    media, bandwidth: renditions[number].bandwidth,
                    averageBandwidth: renditions[number].averageBandwidth)
            }
            guard renditions != state.renditions else { return }
            state.renditions = renditions
            state.head = nil
            try? shorten(target: target, in: &state)
        }
    }

    /// Returns when the segment's records are on disk and out, or cannot be.
    package func publish(_ segment: CutSegment) {
        guard !segment.media.isEmpty, segment.media.allSatisfy({ !$0.bytes.isEmpty }) else {
            return log.error("a segment without content is left out")
        }
        let cuts = segment.media.map { Cut($0) }
        do throws(DataFolderError) {
            try store.withLock { store throws(DataFolderError) in
                for cut in cuts {
                    try store.write(cut.media.bytes, as: cut.root)
                    if let section = cut.section { try store.write(cut.media.initialization ?? [], as: section) }
                }
            }
        } catch {
            log.error("segments are served from memory only: \(error)")
        }
        let published = state.withLock { state in
            if state.chain.isClosed { Self.reopen(&state, epoch: UInt32(clamping: WallClock.now / 1_000)) }
            return commit(segment, cuts, to: &state)
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

    /// A segment's content in one rendition, with its names.
    private struct Cut {
        let media: CutSegment.Media
        let leaves: [Word256]
        let root: Root
        let section: Root?

        init(_ media: CutSegment.Media) {
            self.media = media
            leaves = MerkleTree.leaves(of: media.bytes)
            root = MerkleTree.root(ofLeaves: leaves)
            section = media.initialization.map { MerkleTree.root(ofLeaves: MerkleTree.leaves(of: $0)) }
        }
    }

    private func commit(
        _ segment: CutSegment, _ cuts: [Cut], to state: inout State
    ) -> (Record, [EventLoopPromise<Void>])? {
        let records = state.chain.records(
            of: Chain.Segment(
                contents: cuts.map {
                    Chain.Segment.Content(root: $0.root, length: $0.media.bytes.count, initialization: $0.section)
                }, duration: segment.duration, programTime: segment.programTime,
                isDiscontinuity: segment.isDiscontinuity || state.isFailing, isDependent: segment.isDependent,
                isLast: segment.isLast))
        let payloads = records.map(\.bencoded)
        let sealed = payloads.map { Envelope.seal($0, as: .record, with: folder.key) }
        do throws(DataFolderError) {
            try keep(sealed, target: segment.targetDuration, in: &state)
        } catch {
            // A record that is not on disk must not be seen: after a crash its number would be given away again.
            if !state.isFailing { log.error("nothing is published until the journal can be written: \(error)") }
            state.isFailing = true
            let unused = cuts.flatMap { [$0.root] + ($0.section.map { [$0] } ?? []) }.filter {
                state.contents[$0] == nil
            }
            store.withLock { store in
                for root in unused { store.remove(root) }
            }
            return nil
        }
        let record = records[0]
        state.isFailing = false
        state.setClock(record)
        state.targetDuration = segment.targetDuration
        state.head = nil
        state.chain.append(records, hashes: payloads.map { SHA256.hash($0) })
        state.held[record.segment.sequence] = Held(
            copies: zip(zip(records, sealed), cuts).map {
                Copy(record: $0.0, sealed: $0.1, leaves: $1.leaves)
            })
        for cut in cuts {
            state.contents[cut.root] = Content(
                cut.section == nil ? .transport : .fragment, cut.media.bytes, root: cut.root, in: folder)
            guard let section = cut.section, state.contents[section] == nil else { continue }
            state.contents[section] = Content(
                .initialization, cut.media.initialization ?? [], root: section, in: folder)
        }
        let lost = state.forget(state.window.append(record, targetDuration: segment.targetDuration))
        store.withLock { store in
            for root in lost { store.remove(root) }
        }
        promiseBandwidth(of: records, in: &state)
        let waiting = state.waiting
        state.waiting = waiting.filter { !state.grants($0.wish) }
        return (record, waiting.filter { state.grants($0.wish) }.map(\.promise))
    }

    private func keep(_ sealed: [[UInt8]], target: Int, in state: inout State) throws(DataFolderError) {
        if state.journal.targetDuration == nil {
            try state.journal.rewrite(targetDuration: target, discontinuities: 0, renditions: [], rows: [])
        } else if state.journal.targetDuration != target {
            try shorten(target: target, in: &state)
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
            renditions: state.renditions,
            rows: (retired + state.window.listed).compactMap { state.held[$0.segment.sequence]?.copies.map(\.sealed) })
    }

    /// Players choose by it, and some trip over one that changes: so it changes only when it is not kept.
    private func promiseBandwidth(of records: [Record], in state: inout State) {
        guard state.renditions.isEmpty else { return keepPromise(records, in: &state) }
        guard state.descriptions.count == records.count, let target = state.targetDuration else { return }
        var renditions: [Rendition] = []
        for (number, media) in state.descriptions.enumerated() {
            let seen = state.window.listed.compactMap { row -> (bytes: Int, duration: Int64)? in
                guard let copies = state.held[row.segment.sequence]?.copies, copies.indices.contains(number) else {
                    return nil
                }
                return (copies[number].record.length, row.duration)
            }
            guard
                let bandwidth = Bandwidth(
                    after: seen, declared: media.bitRate, known: media.peakBitRate, isClosed: state.isClosed,
                    isSoundAlone: media.height == 0,
                    pixelRate: media.width * media.height * media.framesPerKilosecond / 1_000)
            else { return }
            renditions.append(
                Rendition(media, bandwidth: bandwidth.peak, averageBandwidth: bandwidth.average))
        }
        state.renditions = renditions
        state.head = nil
        // On a full disk the promise lasts only as long as this process.
        try? shorten(target: target, in: &state)
    }

    private func keepPromise(_ records: [Record], in state: inout State) {
        guard let target = state.targetDuration else { return }
        var isRaised = false
        for (number, (record, rendition)) in zip(records, state.renditions).enumerated() {
            // What stands in for a segment that a rendition does not have is of another one.
            guard !records[..<number].contains(where: { $0.root == record.root }) else { continue }
            let promise = Bandwidth(peak: rendition.bandwidth, average: rendition.averageBandwidth)
            guard
                let raised = promise.raised(
                    by: (record.length, record.duration), targetDuration: target, isClosed: state.isClosed)
            else { continue }
            state.renditions[number].bandwidth = raised.peak
            state.renditions[number].averageBandwidth = raised.average
            isRaised = true
            log.warning(
                "a segment has more bits per second than was promised, and the master playlist promises more now",
                metadata: [
                    "rendition": "\(number)", "sequence": "\(record.segment.sequence)",
                    "bits": "\(Bandwidth.rate(record.length, record.duration))", "promised": "\(rendition.bandwidth)",
                ])
        }
        if isRaised { try? shorten(target: target, in: &state) }
    }
}

// MARK: What event loops ask

extension Publication {
    /// Changes with everything that playlists tell.
    package var version: Int { state.withLock { $0.version } }

    package var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Players wait for more of what is listed.
    package var isUnfinished: Bool { state.withLock { $0.newest != nil && !$0.isClosed } }

    /// Where what players wait for more of ends, in milliseconds of Unix time.
    var programEnd: Int64? { state.withLock { $0.isClosed ? nil : $0.newest?.record.programEnd } }

    /// Milliseconds of Unix time by the clock of the programme, which nobody sets while it goes on.
    package var programClock: Int64 {
        state.withLock { $0.ahead }.map { MonotonicClock.now.milliseconds + $0 } ?? WallClock.now
    }

    /// Requests that may wait.
    package static let waitingLimit = 4_096

    /// Succeeds once there is what is wished for, or `patience` is over, or too many wait. `host` is who asks.
    package func news(
        _ wish: Wish, for host: IPAddress?, within patience: TimeAmount, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        let (promise, displaced) = state.withLock { state -> (EventLoopPromise<Void>?, EventLoopPromise<Void>?) in
            guard !state.grants(wish) else { return (nil, nil) }
            let displaced = state.makeRoom()
            let promise = eventLoop.makePromise(of: Void.self)
            state.waiting.append(Waiter(wish: wish, promise: promise, host: host))
            return (promise, displaced)
        }
        displaced?.succeed()
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
                broadcast: broadcast, time: WallClock.now, targetDuration: target,
                oldest: newest.copies.map { _ in (oldest ?? newest.record).segment.sequence },
                newest: newest.copies.map(\.sealed), isClosed: state.isClosed, title: title,
                renditions: state.renditions.count == newest.copies.count ? state.renditions : [])
            let sealed = Envelope.seal(head.bencoded, as: .head, with: folder.key)
            state.head = sealed
            return sealed
        }
    }

    /// A rendition's records that still have their segments; `nil` when there are none. Complete when nothing was
    /// clipped.
    package func records(of rendition: Int, _ range: ClosedRange<UInt64>) -> (answer: [UInt8], isComplete: Bool)? {
        state.withLock { state in
            var entries: [RecordsAnswer.Entry] = []
            var bytes = 0
            let known = state.held.keys.filter(range.contains).sorted().prefix(Limits.recordsPerAnswer)
            for sequence in known {
                guard let copy = state.held[sequence]?.copies.element(rendition), !copy.isMissing else { continue }
                bytes += copy.sealed.count + copy.leaves.count * 32 + 128
                guard bytes <= Limits.recordsLength else { break }
                entries.append(RecordsAnswer.Entry(record: copy.sealed, leaves: copy.leaves))
            }
            guard !entries.isEmpty else { return nil }
            return (
                RecordsAnswer(entries: entries).encoded,
                UInt64(entries.count - 1) == range.upperBound - range.lowerBound
            )
        }
    }

    package func content(_ root: Root) -> Content? { state.withLock { $0.contents[root] } }

    /// The root of a segment by its number.
    package func root(of segment: SegmentID) -> Root? {
        state.withLock { $0.held[segment.sequence]?.copies.element(Int(segment.rendition))?.record.root }
    }

    package func mediaPlaylist(of rendition: Int) -> String? {
        state.withLock { state in
            guard let first = state.window.listed.first, let target = state.targetDuration,
                state.newest?.copies.element(rendition) != nil
            else { return nil }
            return MediaPlaylist(
                targetDuration: target, mediaSequence: first.segment.sequence,
                discontinuitySequence: state.window.discontinuitySequence,
                segments: state.window.listed.map { row in
                    let copy = state.held[row.segment.sequence]?.copies.element(rendition)
                    let record = copy?.record ?? row
                    let kind: Content.Kind = record.initialization == nil ? .transport : .fragment
                    return MediaPlaylist.Segment(
                        record, uri: "../segments/\(record.root).\(kind.rawValue)",
                        map: record.initialization.map { "../segments/\($0).mp4" }, isMissing: copy?.isMissing ?? true)
                }, isEnded: state.isClosed
            ).text
        }
    }

    /// `nil` until the media is known and has been seen for long enough to promise a bandwidth.
    package var masterPlaylist: String? {
        state.withLock { state in
            guard !state.renditions.isEmpty, state.newest != nil else { return nil }
            return MasterPlaylist(state.renditions).text
        }
    }

    /// The MPEG-DASH manifest; `nil` until there is a multivariant playlist, and for media that is not in fragments.
    package func manifest(for userAgent: String?) -> String? {
        state.withLock { state in
            guard !state.renditions.isEmpty, let newest = state.newest, newest.record.initialization != nil,
                let target = state.targetDuration
            else { return nil }
            let rows = state.window.listed.compactMap { record -> DashManifest.Row? in
                guard let row = state.held[record.segment.sequence], !row.isMissing else { return nil }
                let sections = row.copies.compactMap(\.record.initialization)
                guard sections.count == state.renditions.count else { return nil }
                return DashManifest.Row(record, initializations: sections)
            }
            return DashManifest(
                renditions: state.renditions, rows: rows, targetDuration: target, isEnded: state.isClosed,
                after: &state.periods, for: userAgent
            ).text
        }
    }

    /// What trackers list; `hls` is the address of the master playlist.
    func listing(hls: String) -> [UInt8] {
        let listing = state.withLock { state in
            Listing(
                broadcast: broadcast, time: WallClock.now, title: title,
                status: state.newest == nil ? .ready : state.isClosed ? .closed : .streaming,
                targetDuration: state.targetDuration ?? 2, hls: hls, started: state.started,
                newest: state.newest?.record.segment.sequence ?? 0,
                roots: state.window.listed.suffix(Announcement.rootLimit).reversed().map(\.root), details: details,
                renditions: state.renditions.map {
                    Listing.Rendition(width: $0.width, height: $0.height, bandwidth: $0.bandwidth)
                })
        }
        return Envelope.seal(listing.bencoded, as: .listing, with: folder.key)
    }

    var figures: (newest: UInt64?, listed: Int, bytes: Int) {
        state.withLock { state in
            (
                state.newest?.record.segment.sequence, state.window.listed.count,
                state.contents.values.reduce(0) { $0 + $1.bytes.count }
            )
        }
    }
}

extension Array {
    fileprivate func element(_ index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}

extension Record {
    /// In milliseconds of Unix time.
    fileprivate var programEnd: Int64 { programTime + (duration + 999) / 1_000 }
}

extension Instant {
    fileprivate var milliseconds: Int64 { nanoseconds / 1_000_000 }
}

extension Rendition {
    fileprivate init(_ media: MediaDescription, bandwidth: Int, averageBandwidth: Int) {
        self.init(
            bandwidth: bandwidth, averageBandwidth: averageBandwidth, codecs: media.codecs, width: media.width,
            height: media.height, framesPerKilosecond: media.framesPerKilosecond, channels: media.channels)
    }
}
