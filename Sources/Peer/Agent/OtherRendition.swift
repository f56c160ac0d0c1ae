import Integrity
import NIOCore
import PeerCore
import Vocabulary
import WebClient

/// A rendition that the player asks for beside the one that is shared with other viewers: it comes from the origin,
/// segment by segment as the player wants them, and is checked like everything else.
// Unchecked because everything in it is confined to `eventLoop`.
final class OtherRendition: @unchecked Sendable {
    /// Whom it tells what has come.
    protocol Owner: AnyObject {
        /// The rendition that is shared with other viewers, with which all others keep step.
        var sharedProgramme: Programme { get }
        func changed(_ rendition: OtherRendition)
        func arrived(_ piece: PieceID, of rendition: OtherRendition)
        func forgotten(_ segment: SegmentID, of rendition: OtherRendition)
        func needs(_ initialization: Root)
    }

    /// Bytes of segments that are kept.
    private static let storeLimit = 64 << 20
    /// A rendition that nobody asks for is not followed.
    private static let patience = TimeAmount.seconds(30)

    let rendition: UInt8
    private(set) var programme = Programme()
    private let eventLoop: any EventLoop
    private let origin: OriginAccess
    private var store = PieceStore(limit: OtherRendition.storeLimit)
    private var records: [UInt64: Record] = [:]
    private var newest: UInt64?
    private var end: UInt64?
    private var targetDuration = 1
    private var fetching: [SegmentID: FetchID] = [:]
    private var nextFetch = 0
    private var lastAsked = NIODeadline.now()
    private var isPolling = false
    private var isStopped = false
    private weak var owner: (any Owner)?
    private(set) var bytesFromOrigin = 0

    init(_ rendition: UInt8, on eventLoop: any EventLoop, _ client: WebClient, _ link: MagnetLink, owner: any Owner) {
        self.rendition = rendition
        self.eventLoop = eventLoop
        self.owner = owner
        origin = OriginAccess(on: eventLoop, client, link, rendition: rendition)
    }

    func stop() {
        isStopped = true
        for id in fetching.values { origin.abandon(id) }
    }

    /// The player wants to know how it goes on.
    func follow() {
        lastAsked = .now()
        guard !isPolling, !isStopped, end == nil else { return }
        isPolling = true
        poll()
    }

    private func poll() {
        guard !isStopped, end == nil, NIODeadline.now() - lastAsked < Self.patience else {
            isPolling = false
            return
        }
        origin.fetchHead(after: newest) { [weak self] result in
            guard let self else { return }
            guard case .success(let news) = result, let record = news.newest?.record else { return self.pollLater() }
            self.targetDuration = news.head.targetDuration
            let last = record.segment.sequence
            // What has left the origin's list is of no use to a player that begins now.
            let first = max(news.oldest, self.newest.map { $0 + 1 } ?? (last > 14 ? last - 14 : 0))
            guard first <= last else {
                if news.head.isClosed { self.end = last }
                self.refresh()
                return self.pollLater()
            }
            self.fetchRecords(first...last, isClosed: news.head.isClosed)
        }
    }

    private func pollLater() {
        eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(500)) { [weak self] in self?.poll() }
    }

    private func fetchRecords(_ range: ClosedRange<UInt64>, isClosed: Bool) {
        origin.fetchRecords(range) { [weak self] result in
            guard let self else { return }
            guard case .success(let entries) = result else { return self.pollLater() }
            for (sealed, leaves) in entries { self.keep(sealed, leaves) }
            if isClosed { self.end = range.upperBound }
            self.refresh()
            self.poll()
        }
    }

    private func keep(_ sealed: SealedRecord, _ leaves: [Word256]) {
        let record = sealed.record
        guard record.segment.rendition == rendition, records[record.segment.sequence] == nil else { return }
        store.keep(record, sealed: sealed.sealed)
        guard store.keep(leaves: leaves, of: record.segment) == true else {
            store.forget(record.segment)
            _ = origin.failed(.badLeaves)
            return
        }
        records[record.segment.sequence] = record
        newest = max(newest ?? 0, record.segment.sequence)
        if let section = record.initialization { owner?.needs(section) }
    }

    private func refresh() {
        for old in records.keys.sorted().dropLast(32) {
            guard let record = records.removeValue(forKey: old) else { continue }
            store.forget(record.segment)
            owner?.forgotten(record.segment, of: self)
        }
        // What the shared one has left behind would have discontinuities that nobody has counted.
        let shared = owner?.sharedProgramme
        let floor = shared?.playlist?.mediaSequence ?? 0
        let listed = records.keys.sorted().suffix(15).filter { $0 >= floor }.compactMap { records[$0] }
        programme.update(listed, targetDuration: targetDuration, end: end, at: .now(), inStepWith: shared)
        owner?.changed(self)
    }

    func record(_ segment: SegmentID) -> Record? { store.record(segment) }

    func needs(_ initialization: Root) -> Bool { store.needs(initialization) }

    func piece(_ piece: PieceID) -> ByteBuffer? { store[piece] }

    /// The player wants a segment: all of it is fetched, once.
    func asked(_ segment: SegmentID) { fetch(segment, attempt: 0) }

    private func fetch(_ segment: SegmentID, attempt: Int) {
        follow()
        guard !isStopped, let record = store.record(segment), fetching[segment] == nil else { return }
        guard let first = (0..<record.pieceCount).first(where: { store[PieceID(segment, $0)] == nil }) else { return }
        makeRoom(for: record)
        nextFetch += 1
        let id = FetchID(nextFetch)
        fetching[segment] = id
        origin.fetchPieces(id, record, first..<record.pieceCount, urgency: 3) { [weak self] index, content in
            guard let self else { return false }
            let piece = PieceID(segment, index)
            switch self.store.admit(piece, content) {
            case .new:
                self.bytesFromOrigin += content.readableBytes
                self.owner?.arrived(piece, of: self)
                return true
            case .known: return true
            case .bad, .early, .unknown, .full: return false
            }
        } _: { [weak self] result in
            guard let self else { return }
            self.fetching[segment] = nil
            guard case .failure = result, attempt < 5 else { return }
            self.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(300)) { [weak self] in
                self?.fetch(segment, attempt: attempt + 1)
            }
        }
    }

    /// The bytes of the oldest segments go first; they can be fetched again.
    private func makeRoom(for record: Record) {
        for old in records.keys.sorted() where store.bytes + record.length > Self.storeLimit {
            guard old != record.segment.sequence, let known = records[old], fetching[known.segment] == nil else {
                continue
            }
            store.drop(known.segment)
        }
    }
}
