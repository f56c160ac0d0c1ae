import CZlib
import NIOCore
import Synchronization
import TrackerCore
import Vocabulary
import WebServer
import Wire

/// The tracker's HTTP port for BitTorrent clients: `/announce` (BEP 3, 7, 23) and `/scrape` (BEP 48).
final class SwarmDoor: Sendable {
    private let shared: SharedTracker
    private let swarms: Swarms
    private let tally: Tally
    private let draws = Atomic(UInt64.random(in: .min ... .max))

    init(shared: SharedTracker, swarms: Swarms) {
        self.shared = shared
        self.swarms = swarms
        tally = shared.tallies.make()
    }

    private var chance: UInt64 {
        Randomness.mix(draws.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue)
    }

    /// `nil` for what is none of ours.
    func answer(_ request: Request) -> Response? {
        guard request.path == "/announce" || request.path == "/scrape" else { return nil }
        guard request.method == "GET" else { return Response(status: 405, text: "only GET is answered here\n") }
        guard let source = request.remote.flatMap(Endpoint.init) else {
            return Response(status: 400, text: "the sender has no IP address\n")
        }
        var page = ByteBufferAllocator().buffer(capacity: 1_024)
        var query = request.rawQuery
        query.withUTF8 { query in
            let query = UnsafeRawBufferPointer(query)
            if request.path == "/announce" {
                announce(query, from: source.ip, to: &page)
            } else {
                scrape(query, to: &page)
            }
        }
        var headers = [("content-type", "text/plain")]
        if Self.takesGzip(request), let smaller = Self.compressed(page) {
            headers += [("content-encoding", "gzip"), ("vary", "accept-encoding")]
            page = smaller
        }
        return Response(status: 200, headers: headers, body: .bytes(page))
    }

    /// The same for the commonest request, before it is parsed in full.
    func answer(_ request: PlainRequest, from address: SocketAddress, to page: inout ByteBuffer) -> ShortAnswer? {
        let path: StaticString = "/announce?"
        let (length, target) = (path.utf8CodeUnitCount, request.target)
        guard !request.takesGzip, !request.isConditional, target.count > length,
            path.withUTF8Buffer({ $0.elementsEqual(target[..<length]) }),
            let source = Endpoint(address)
        else { return nil }
        announce(UnsafeRawBufferPointer(rebasing: target[length...]), from: source.ip, to: &page)
        return .text
    }

    private func announce(_ query: UnsafeRawBufferPointer, from ip: IPAddress, to page: inout ByteBuffer) {
        let request: SwarmQuery
        do throws(WireError) {
            request = try SwarmQuery(parsing: query)
        } catch { return malformed(error, to: &page) }
        // Either list may hold all who are wanted, whichever family they are of.
        let most = max(Limits.swarmPeersV4, Limits.swarmPeersV6)
        let v4Length = most * 6 + 8
        withUnsafeTemporaryAllocation(byteCount: v4Length + most * 18 + 8, alignment: 8) { room in
            let v4 = UnsafeMutableRawBufferPointer(rebasing: room[..<v4Length])
            let v6 = UnsafeMutableRawBufferPointer(rebasing: room[v4Length...])
            let isV4 = ip.v4 != nil
            let chance = chance
            let wanted = min(
                request.announce.wanted ?? swarms.settings.wanted,
                isV4 ? Limits.swarmPeersV4 : Limits.swarmPeersV6)
            do throws(Swarms.Refusal) {
                let answer = try swarms.announce(
                    request.announce, from: ip, wanted: wanted, at: shared.now, random: chance,
                    into: SwarmStore.Lists(own: isV4 ? v4 : v6, other: isV4 ? v6 : v4))
                tally.count(.httpAnnounces)
                SwarmPage.announced(
                    answer.counts, interval: swarms.interval(chance), minimum: swarms.settings.minimumInterval,
                    peers: UnsafeRawBufferPointer(rebasing: v4[..<(6 * (isV4 ? answer.own : answer.other))]),
                    peers6: UnsafeRawBufferPointer(rebasing: v6[..<(18 * (isV4 ? answer.other : answer.own))]),
                    isCompact: request.isCompact, to: &page)
            } catch {
                tally.count(error)
                SwarmPage.failed(error.rawValue, to: &page)
            }
        }
    }

    private func scrape(_ query: UnsafeRawBufferPointer, to page: inout ByteBuffer) {
        do throws(WireError) {
            let hashes = try SwarmQuery.hashes(parsing: query)
            tally.count(.httpScrapes)
            SwarmPage.scraped(hashes.map { ($0, swarms.counts(of: $0)) }, to: &page)
        } catch { malformed(error, to: &page) }
    }

    private func malformed(_ error: WireError, to page: inout ByteBuffer) {
        shared.countMalformed("swarm_" + error.reason)
        SwarmPage.failed("the request is malformed: \(error.explanation)", to: &page)
    }

    // MARK: Compression

    private static func takesGzip(_ request: Request) -> Bool {
        request.headers("accept-encoding").contains { header in
            header.lowercased().split(separator: ",").contains { item in
                let parts = item.split(separator: ";").map { $0.filter { $0 != " " } }
                return parts.first == "gzip"
                    && !parts.dropFirst().contains { $0.hasPrefix("q=0") && Double($0.dropFirst(2)) == 0 }
            }
        }
    }

    private static func compressed(_ page: ByteBuffer) -> ByteBuffer? {
        var stream = z_stream()
        guard gzip_begin(&stream) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, UInt(page.readableBytes)))
        var output = ByteBufferAllocator().buffer(capacity: bound)
        var isComplete = false
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { output in
            page.withUnsafeReadableBytes { input in
                // zlib reads there, although its type says otherwise.
                stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.bindMemory(to: UInt8.self).baseAddress
                stream.avail_out = UInt32(output.count)
                isComplete = deflate(&stream, Z_FINISH) == Z_STREAM_END
                return Int(stream.total_out)
            }
        }
        return isComplete ? output : nil
    }
}
