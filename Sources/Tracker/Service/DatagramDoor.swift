import CDatagrams
import Dispatch
import Glibc
import Integrity
import NIOCore
import Synchronization
import TrackerCore
import Vocabulary
import Wire

/// The tracker's UDP port: one thread that takes datagrams in batches and answers them in batches.
final class DatagramDoor: Sendable {
    let port: Int
    private let socket: Int32
    private let shared: SharedTracker
    private let isStopping = Mutex(false)
    private let worker = DispatchGroup()
    private let ids = ConnectionIDs()

    init(host: String, port: Int, shared: SharedTracker) throws {
        let address = try SocketAddress.makeAddressResolvingHost(host, port: port)
        let family = address.protocol == .inet6 ? AF_INET6 : AF_INET
        socket = Glibc.socket(family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        // The thread looks up from the socket this often, to see whether it should end.
        var patience = timeval(tv_sec: 0, tv_usec: 100_000)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var room: Int32 = 4 << 20
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &room, socklen_t(MemoryLayout<Int32>.size))
        let socket = socket
        let bound = address.withSockAddr { Glibc.bind(socket, $0, socklen_t($1)) }
        guard bound == 0 else {
            let code = errno
            close(socket)
            throw IOError(errnoCode: code, reason: "bind")
        }
        var name = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutableBytes(of: &name) { bytes in
            if let base = bytes.baseAddress {
                _ = getsockname(socket, base.assumingMemoryBound(to: sockaddr.self), &length)
            }
        }
        self.port = Int(Self.endpoint(of: name)?.port ?? 0)
        self.shared = shared
    }

    func start() {
        // A queue of its own is a thread of its own: the work never ends until `stop`.
        DispatchQueue(label: "tracker-datagrams").async(group: worker) { self.serve() }
    }

    func stop() async {
        isStopping.withLock { $0 = true }
        await withCheckedContinuation { done in
            worker.notify(queue: .global()) { done.resume() }
        }
        close(socket)
    }

    private func serve() {
        let batch = Int(DATAGRAM_BATCH)
        let datagrams = UnsafeMutablePointer<datagram>.allocate(capacity: batch)
        defer { datagrams.deallocate() }
        var buffer = ByteBufferAllocator().buffer(capacity: Int(DATAGRAM_CAPACITY))
        while !isStopping.withLock({ $0 }) {
            let received = Int(datagrams_receive(socket, datagrams, Int32(batch)))
            var answers = 0
            for position in 0..<max(0, received) {
                guard answer(&datagrams[position], buffer: &buffer) else { continue }
                if answers != position { datagrams[answers] = datagrams[position] }
                answers += 1
            }
            if answers > 0 { _ = datagrams_send(socket, datagrams, Int32(answers)) }
        }
    }

    /// Turns the datagram into its answer; `false` for silence.
    private func answer(_ datagram: inout datagram, buffer: inout ByteBuffer) -> Bool {
        guard datagram.length <= Limits.datagramLength else {
            shared.countMalformed("udp_oversized")
            return false
        }
        guard let source = Self.endpoint(of: datagram.address), source.port != 0 else {
            shared.countMalformed("udp_source")
            return false
        }
        buffer.clear()
        let length = Int(datagram.length)
        withUnsafeBytes(of: &datagram.bytes) { bytes in
            _ = buffer.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        }
        let answer: TrackerAnswer
        do throws(WireError) {
            switch try TrackerRequest(parsing: buffer) {
            case .connect(let transaction):
                shared.countConnect()
                let id = ids.issue(to: source.address, at: shared.seconds)
                answer = .connected(transaction: transaction, connection: id)
            case .announce(let id, let transaction, let announcement):
                guard ids.isValid(id, from: source.address, at: shared.seconds) else {
                    shared.countMalformed("udp_connection_id")
                    return false
                }
                switch shared.announce(announcement, from: source, over: "udp") {
                case .success(let welcome): answer = .welcome(transaction: transaction, welcome)
                case .failure(let refusal): answer = .refused(transaction: transaction, refusal.rawValue)
                }
            }
        } catch {
            shared.countMalformed("udp_" + error.reason)
            return false
        }
        buffer.clear()
        answer.encode(into: &buffer)
        datagram.length = UInt32(buffer.readableBytes)
        withUnsafeMutableBytes(of: &datagram.bytes) { bytes in
            buffer.withUnsafeReadableBytes { bytes.copyMemory(from: $0) }
        }
        return true
    }

    private static func endpoint(of storage: sockaddr_storage) -> Endpoint? {
        withUnsafeBytes(of: storage) { Endpoint(socketAddress: $0) }
    }
}
