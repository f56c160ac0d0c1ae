import Integrity
import NIOCore
import PeerCore
import Vocabulary
import WebClient
import Wire

/// What goes wrong at an origin; counted and shown.
enum OriginFlaw: String, Hashable, Sendable, CaseIterable {
    case unreachable, timedOut = "timed_out", stalled, broken, tooLarge = "too_large"
    case status = "http_status"
    case retryAfter = "retry_after"
    case wrongRange = "wrong_range"
    case malformed
    case badSignature = "bad_signature"
    /// An older head than one we have seen.
    case stale
    case badLeaves = "bad_leaves"
    case badPiece = "bad_piece"
    case noBroadcastYet = "no_broadcast_yet"
}

/// A record as the origin signed it, taken apart.
struct SealedRecord: Sendable {
    let record: Record
    let digest: Word256
    let sealed: [UInt8]

    /// Takes bytes whose signature need not hold yet: what is cheap is checked first.
    init(unchecked sealed: [UInt8]) throws {
        guard sealed.count > Envelope.signatureLength else { throw EnvelopeError.tooShort }
        let payload = Array(sealed[Envelope.signatureLength...])
        record = try Record(bencoded: payload)
        digest = SHA256.hash(payload)
        self.sealed = sealed
    }

    func check(_ broadcast: BroadcastID) throws(EnvelopeError) {
        _ = try Envelope.open(sealed, as: .record, by: broadcast)
    }
}

/// The HTTP side of an agent: heads, records and ranges of segments, from the first origin that works.
///
/// It checks what can be checked by itself (signatures, lengths) and decides nothing but which base URL is next.
// Unchecked because it is confined to `eventLoop`; the callbacks that cross come back there.
final class OriginAccess: @unchecked Sendable {
    struct HeadNews: Sendable {
        let head: Head
        /// What the head says of our rendition, if it has it.
        let newest: SealedRecord?
        let oldest: UInt64
    }

    private let eventLoop: any EventLoop
    private let client: WebClient
    private let broadcast: BroadcastID
    private let rendition: UInt8
    private let bases: [String]
    private var current = 0
    private var notBefore: [NIODeadline]
    private var newestEpoch: UInt32 = 0
    private var fetches: [FetchID: WebTask] = [:]
    private var lastNewest: UInt64?
    private var lastNews = NIODeadline.now()
    private var targetDuration = 2

    private(set) var flaws: [OriginFlaw: Int] = [:]
    /// Whether the last word of the origin was an answer.
    private(set) var isAnswering = false
    private(set) var isClosed = false

    private static let headTimeout = Interval.seconds(5)
    /// How long an origin may hold a request for news.
    private static let longPoll = Interval.seconds(30)
    private static let pieceTimeout = Interval.seconds(15)
    private static let stall = Interval.seconds(3)

    init(on eventLoop: any EventLoop, _ client: WebClient, _ link: MagnetLink, rendition: UInt8) {
        self.eventLoop = eventLoop
        self.client = client
        self.rendition = rendition
        broadcast = link.broadcast
        bases = link.origins
        notBefore = Array(repeating: .uptimeNanoseconds(0), count: link.origins.count)
    }

    /// Shown to people: the base URL in use.
    var base: String { bases[current] }

    /// No new record for three segments' time, although the origin answers.
    var isStale: Bool {
        isAnswering && !isClosed && lastNewest != nil
            && NIODeadline.now() - lastNews > .seconds(Int64(3 * targetDuration))
    }

    // MARK: Asking

    func fetchHead(after: UInt64?, _ done: @escaping (Result<HeadNews, OriginFailure>) -> Void) {
        let query = after.map { "?after=\($0)" } ?? ""
        let began = NIODeadline.now()
        collect(
            "head" + query, limit: Limits.headLength + Envelope.signatureLength,
            timeout: after == nil ? Self.headTimeout : Self.longPoll
        ) { result in
            switch result.flatMap({ self.parse(head: $0) }) {
            case .failure(let failure): done(.failure(failure))
            case .success(let news):
                // An answer without news that came at once is from a cache that does not wait: do not spin on it.
                let isNews = after.map { (news.newest?.record.segment.sequence ?? 0) > $0 } ?? true
                let early = NIODeadline.now() - began < .seconds(1)
                guard !isNews, early else { return done(.success(news)) }
                let delivery = NIOLoopBound(done, eventLoop: self.eventLoop)
                self.eventLoop.scheduleTask(in: .milliseconds(700)) { delivery.value(.success(news)) }
            }
        }
    }

    func fetchRecords(
        _ range: ClosedRange<UInt64>,
        _ done: @escaping (Result<[(record: SealedRecord, leaves: [Word256])], OriginFailure>) -> Void
    ) {
        collect(
            "records/\(rendition)/\(range.lowerBound)-\(range.upperBound)", limit: Limits.recordsLength,
            timeout: Self.headTimeout
        ) { result in done(result.flatMap { self.parse(records: $0) }) }
    }

    /// Asks for consecutive pieces of a segment; each is handed on as soon as all its bytes are there.
    ///
    /// `piece` returns whether the bytes are the piece; the first that is not ends the fetch. `urgency` is that of RFC 9218.
    func fetchPieces(
        _ id: FetchID, _ record: Record, _ pieces: Range<Int>, urgency: Int, piece: @escaping (Int, ByteBuffer) -> Bool,
        _ done: @escaping (Result<Void, OriginFailure>) -> Void
    ) {
        let first = record.range(ofPiece: pieces.lowerBound).lowerBound
        let bytes = first..<record.range(ofPiece: pieces.upperBound - 1).upperBound
        let isWhole = bytes.count == record.length
        let assembly = Assembly(record: record, next: pieces.lowerBound)
        let task = request(
            "segments/\(record.root).\(record.initialization == nil ? "ts" : "m4s")", range: isWhole ? nil : bytes,
            limit: bytes.count, timeout: Self.pieceTimeout, stall: Self.stall,
            headers: urgency == 3 ? [] : [("priority", "u=\(urgency)")], isPatient: urgency > 3,
            head: { head in
                let isRight =
                    head.isExactly(bytes)
                    || isWhole && head.status == 200 && head.contentLength ?? bytes.count == bytes.count
                guard isRight else { return head.status == 200 || head.status == 206 ? .wrongRange : .status }
                return nil
            },
            bytes: { buffer in assembly.take(buffer, piece) ? nil : .badPiece },
            done: { result in
                self.fetches[id] = nil
                switch result {
                case .success where assembly.next == pieces.upperBound: done(.success(()))
                case .success: done(.failure(self.failed(.broken)))
                case .failure(let failure): done(.failure(failure))
                }
            })
        fetches[id] = task
    }

    /// Asks for an initialization section, and hands it on if it is what its name says.
    func fetchInitialization(_ root: Root, _ done: @escaping (Result<[UInt8], OriginFailure>) -> Void) {
        collect("segments/\(root).mp4", limit: Limits.initializationLength, timeout: Self.headTimeout) { result in
            done(
                result.flatMap { bytes in
                    MerkleTree.root(ofLeaves: MerkleTree.leaves(of: bytes)) == root
                        ? .success(bytes) : .failure(self.failed(.badPiece))
                })
        }
    }

    func abandon(_ id: FetchID) { fetches.removeValue(forKey: id)?.cancel() }

    // MARK: Checking

    private func parse(head bytes: [UInt8]) -> Result<HeadNews, OriginFailure> {
        do {
            let head = try Head(bencoded: try Envelope.open(bytes, as: .head, by: broadcast))
            guard head.broadcast == broadcast else { return .failure(failed(.badSignature)) }
            targetDuration = head.targetDuration
            isClosed = head.isClosed
            for (sealed, oldest) in zip(head.newest, head.oldest) {
                let newest = try SealedRecord(unchecked: sealed)
                guard newest.record.segment.rendition == rendition else { continue }
                try newest.check(broadcast)
                // By numbers, not by the head's time: an origin's clock may be set back, its numbers never are.
                let isOld = newest.record.epoch == newestEpoch && newest.record.segment.sequence < lastNewest ?? 0
                guard !isOld, newest.record.epoch >= newestEpoch else { return .failure(failed(.stale)) }
                newestEpoch = newest.record.epoch
                if newest.record.segment.sequence != lastNewest {
                    lastNewest = newest.record.segment.sequence
                    lastNews = .now()
                } else if isStale {
                    moveOn()
                }
                return .success(HeadNews(head: head, newest: newest, oldest: oldest))
            }
            return .success(HeadNews(head: head, newest: nil, oldest: 0))
        } catch is EnvelopeError {
            return .failure(failed(.badSignature))
        } catch {
            return .failure(failed(.malformed))
        }
    }

    private func parse(records bytes: [UInt8]) -> Result<[(record: SealedRecord, leaves: [Word256])], OriginFailure> {
        do {
            let entries = try RecordsAnswer(parsing: bytes).entries.map { entry in
                let record = try SealedRecord(unchecked: entry.record)
                try record.check(broadcast)
                return (record, entry.leaves)
            }
            return .success(entries)
        } catch is EnvelopeError {
            return .failure(failed(.badSignature))
        } catch {
            return .failure(failed(.malformed))
        }
    }

    /// Counts a flaw that the caller has found, and goes to the next origin.
    func failed(_ flaw: OriginFlaw) -> OriginFailure {
        flaws[flaw, default: 0] += 1
        isAnswering = false
        moveOn()
        return OriginFailure(flaw: flaw)
    }

    private func moveOn() { current = (current + 1) % bases.count }

    // MARK: HTTP

    private func collect(
        _ path: String, limit: Int, timeout: Interval, _ done: @escaping (Result<[UInt8], OriginFailure>) -> Void
    ) {
        let body = Body()
        request(
            path, range: nil, limit: limit, timeout: timeout, stall: nil,
            head: { $0.status == 200 ? nil : .status },
            bytes: { buffer in
                body.bytes.append(contentsOf: buffer.readableBytesView)
                return nil
            },
            done: { result in done(result.map { body.bytes }) })
    }

    /// `head` and `bytes` return what is wrong, which ends the request. An origin that refuses a patient one has urgent ones
    /// to answer: it is not left alone for that.
    @discardableResult
    private func request(
        _ path: String, range: Range<Int>?, limit: Int, timeout: Interval, stall: Interval?,
        headers: [(String, String)] = [], isPatient: Bool = false,
        head: @escaping (WebHead) -> OriginFlaw?, bytes: @escaping (ByteBuffer) -> OriginFlaw?,
        done: @escaping (Result<Void, OriginFailure>) -> Void
    ) -> WebTask? {
        guard
            let base = (0..<bases.count).map({ ($0 + current) % bases.count }).first(where: { notBefore[$0] <= .now() })
        else {
            flaws[.retryAfter, default: 0] += 1
            let refusal = NIOLoopBound(done, eventLoop: eventLoop)
            eventLoop.execute { refusal.value(.failure(OriginFailure(flaw: .retryAfter))) }
            return nil
        }
        current = base
        let state = NIOLoopBound(Exchange(head, bytes, done), eventLoop: eventLoop)
        let task = NIOLoopBoundBox<WebTask?>(nil, eventLoop: eventLoop)
        task.value = client.get(
            "\(bases[base])/\(broadcast)/\(path)", headers: headers, range: range, limit: limit, timeout: timeout,
            stallTimeout: stall,
            on: eventLoop,
            onHead: { head in
                guard let flaw = state.value.head(head) else { return }
                if head.status == 503 || head.status == 429, !isPatient {
                    let seconds = Int64(min(max(head.retryAfter ?? 1, 1), 30))
                    self.notBefore[base] = .now() + .seconds(seconds)
                }
                state.value.flaw = flaw
                task.value?.cancel()
            },
            onBytes: { buffer in
                guard state.value.flaw == nil, let flaw = state.value.bytes(buffer) else { return }
                state.value.flaw = flaw
                task.value?.cancel()
            },
            onEnd: { result in
                if let flaw = state.value.flaw { return state.value.done(.failure(self.failed(flaw))) }
                switch result {
                case .success:
                    self.isAnswering = true
                    state.value.done(.success(()))
                case .failure(.canceled): state.value.done(.failure(OriginFailure(flaw: .broken)))
                case .failure(let failure): state.value.done(.failure(self.failed(OriginFlaw(failure))))
                }
            })
        return task.value
    }
}

struct OriginFailure: Error, Hashable, Sendable {
    let flaw: OriginFlaw
}

/// Callbacks of one request, and what was wrong with its answer.
private final class Exchange {
    let head: (WebHead) -> OriginFlaw?
    let bytes: (ByteBuffer) -> OriginFlaw?
    let done: (Result<Void, OriginFailure>) -> Void
    var flaw: OriginFlaw?

    init(
        _ head: @escaping (WebHead) -> OriginFlaw?, _ bytes: @escaping (ByteBuffer) -> OriginFlaw?,
        _ done: @escaping (Result<Void, OriginFailure>) -> Void
    ) {
        self.head = head
        self.bytes = bytes
        self.done = done
    }
}

private final class Body {
    var bytes: [UInt8] = []
}

/// Cuts the bytes of a fetch into pieces.
private final class Assembly {
    private let record: Record
    private(set) var next: Int
    private var rest = ByteBuffer()

    init(record: Record, next: Int) {
        self.record = record
        self.next = next
    }

    /// Hands on each piece that is whole; returns false when one is not what the record says.
    func take(_ bytes: ByteBuffer, _ piece: (Int, ByteBuffer) -> Bool) -> Bool {
        rest.writeImmutableBuffer(bytes)
        while next < record.pieceCount {
            let length = record.range(ofPiece: next).count
            // In memory of its own, so that a kept piece does not hold on to its neighbors.
            guard rest.readableBytes >= length, let content = rest.readBytes(length: length) else { return true }
            guard piece(next, ByteBuffer(bytes: content)) else { return false }
            next += 1
            rest.discardReadBytes()
        }
        return true
    }
}

extension OriginFlaw {
    fileprivate init(_ failure: WebFailure) {
        switch failure {
        case .badRequest, .unreachable, .shutDown: self = .unreachable
        case .timedOut: self = .timedOut
        case .stalled: self = .stalled
        case .tooLarge: self = .tooLarge
        case .broken, .canceled: self = .broken
        }
    }
}
