import Foundation
import Glibc
import RehearsalNetwork
import Stage
import Synchronization
import Vocabulary

/// Datagrams between hosts of a network, sent and received by hand.
final class DatagramProbe: Sendable {
    let descriptor: Int32

    /// - Parameter port: 0 for any.
    init(in namespace: Namespace, port: UInt16) throws {
        descriptor = namespace.socket(.datagrams)
        guard descriptor >= 0 else { throw Program.Failure(description: "no datagram socket") }
        var place = IPv4Place(address: "0.0.0.0", port: port).raw
        let bound = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0 else {
            throw Program.Failure(description: "port \(port): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    func send(_ number: UInt32, to place: IPv4Place) {
        var raw = place.raw
        var bytes = number
        _ = withUnsafePointer(to: &raw) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, &bytes, 4, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// The next datagram, if one comes in time.
    func receive(within bound: Interval) -> (number: UInt32, from: IPv4Place)? {
        let deadline = Instant.now + bound
        while true {
            let left = deadline - .now
            var wish = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wish, 1, Int32(max(0, (left.nanoseconds + 999_999) / 1_000_000))) > 0 else { return nil }
            var raw = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            var bytes: UInt32 = 0
            let count = withUnsafeMutablePointer(to: &raw) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, &bytes, 4, Int32(MSG_DONTWAIT), $0, &length)
                }
            }
            if count == 4 { return (bytes, IPv4Place(raw)) }
        }
    }
}

struct IPv4Place: Hashable {
    var address: String
    var port: UInt16

    init(address: String, port: UInt16) {
        self.address = address
        self.port = port
    }

    init(_ raw: sockaddr_in) {
        let bytes = withUnsafeBytes(of: raw.sin_addr.s_addr) { $0.map { "\($0)" } }
        self.init(address: bytes.joined(separator: "."), port: UInt16(bigEndian: raw.sin_port))
    }

    var raw: sockaddr_in {
        var raw = sockaddr_in()
        raw.sin_family = sa_family_t(AF_INET)
        raw.sin_port = port.bigEndian
        _ = inet_pton(AF_INET, address, &raw.sin_addr)
        return raw
    }
}

/// Sends back whatever comes, on a thread of its own, as long as it lives.
final class Echo: Sendable {
    private let probe: DatagramProbe
    private let isStopped = Atomic(false)

    init(in namespace: Namespace, port: UInt16) throws {
        probe = try DatagramProbe(in: namespace, port: port)
        Thread { [probe, self] in
            while !isStopped.load(ordering: .relaxed) {
                guard let (number, from) = probe.receive(within: .milliseconds(200)) else { continue }
                probe.send(number, to: from)
            }
        }.start()
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }
}

/// One TCP connection that is filled as fast as it goes; blocks while it does.
enum Stream {
    /// Bytes per second that the receiver got in the second half: the first belongs to slow start and its losses.
    static func rate(from sender: StarHost, to receiver: StarHost, for length: Interval) throws -> Double {
        let listener = receiver.namespace.socket(.stream)
        defer { close(listener) }
        var place = IPv4Place(address: receiver.address, port: 5_201).raw
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 1) == 0
            }
        }
        guard isBound else { throw Program.Failure(description: "no listener: \(String(cString: strerror(errno)))") }
        let source = sender.namespace.socket(.stream)
        let isConnected = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(source, $0, size) == 0 }
        }
        guard isConnected else {
            close(source)
            throw Program.Failure(description: "no connection: \(String(cString: strerror(errno)))")
        }
        let sink = accept(listener, nil, nil)
        defer { close(sink) }
        let end = Instant.now + length
        let filler = Thread {
            var bytes = [UInt8](repeating: 7, count: 1 << 16)
            while Instant.now < end, send(source, &bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0 {}
            close(source)
        }
        filler.start()
        return drain(sink, counting: end - length * 0.5..<end)
    }

    private static func drain(_ sink: Int32, counting range: Range<Instant>) -> Double {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var total = 0
        while true {
            let count = recv(sink, &bytes, bytes.count, 0)
            guard count > 0 else { break }
            if range.contains(.now) { total += count }
        }
        return Double(total) / (range.upperBound - range.lowerBound).seconds
    }
}
