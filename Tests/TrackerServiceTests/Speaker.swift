import Glibc
import Integrity
import NIOCore
import Synchronization
import Vocabulary
import WebClient
import Wire

/// An origin and a viewer of one broadcast, as a tracker hears them over HTTP.
final class Speaker: Sendable {
    let key = SigningKey()
    let client = WebClient()
    let url: Mutex<String>
    private let last = Mutex<Int64>(0)

    init(_ url: String) { self.url = Mutex(url) }

    /// Later at each call, as an origin's signatures are.
    var time: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let milliseconds = Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
        return last.withLock { last in
            last = max(last + 1, milliseconds)
            return last
        }
    }

    func sealed(
        _ title: String = "A title", status: Listing.Status = .streaming, change: (inout Listing) -> Void = { _ in }
    ) -> [UInt8] {
        var listing = Listing(
            broadcast: key.broadcast, time: time, title: title, status: status, targetDuration: 2,
            hls: "http://127.0.0.1:1/x.m3u8", started: 1_700_000_000_000, newest: 3)
        change(&listing)
        return Envelope.seal(listing.bencoded, as: .listing, with: key)
    }

    func post(_ sealed: [UInt8], as broadcast: BroadcastID? = nil) async throws -> (status: Int, body: [UInt8]) {
        let url = url.withLock { $0 }
        return try await client.post(
            "\(url)/v1/broadcasts/\(broadcast ?? key.broadcast)", body: sealed, limit: 1 << 20)
    }

    func register(
        _ title: String = "A title", status: Listing.Status = .streaming, change: (inout Listing) -> Void = { _ in }
    ) async throws -> (status: Int, body: [UInt8]) {
        try await post(sealed(title, status: status, change: change))
    }

    func announce(
        _ number: UInt64 = 1, event: Announcement.Event = .joined
    ) async throws -> (status: Int, body: [UInt8]) {
        let announcement = Announcement(
            broadcast: key.broadcast, peer: PeerID(Word256(0, 0, 0, number)), event: event,
            port: UInt16(1_000 + number % 60_000), freeUpload: 1)
        var bytes = ByteBuffer()
        announcement.encode(into: &bytes)
        return try await client.post(
            "\(url.withLock { $0 })/v1/announce", body: Array(bytes.readableBytesView), limit: 1 << 20)
    }
}
