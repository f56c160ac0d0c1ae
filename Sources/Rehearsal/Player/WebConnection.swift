import Glibc
import Stage
import Vocabulary

/// HTTP/1.1 over one socket at a time, for a thread of its own: it sleeps until bytes come.
///
/// Sockets are made by the caller, because where a socket is made decides which network it belongs to.
final class WebConnection {
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    struct Place: Hashable {
        var host: String
        var port: UInt16

        /// Of http://HOST:PORT/PATH with an IPv4 address.
        init?(_ url: String) {
            let rest = url.hasPrefix("http://") ? url.dropFirst("http://".count) : ""
            let authority = rest.prefix { $0 != "/" }.split(separator: ":")
            guard authority.count == 2, let port = UInt16(authority[1]) else { return nil }
            (host, self.port) = (String(authority[0]), port)
        }
    }

    private let make: () -> Int32
    private let isStopped: () -> Bool
    private let patience: Interval
    private var descriptor: Int32 = -1
    private var place: Place?
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    /// What has been read of the buffer and not used.
    private var rest = 0..<0

    /// - Parameter patience: how long an answer may make no progress.
    init(patience: Interval, isStopped: @escaping () -> Bool, socket make: @escaping () -> Int32) {
        self.make = make
        self.isStopped = isStopped
        self.patience = patience
    }

    deinit {
        close()
        buffer.deallocate()
    }

    /// Asks, and gives the body of an answer 200 piece by piece as it comes; returns the status.
    func get(_ url: String, body: (UnsafeRawBufferPointer) -> Void) throws(Fault) -> Int {
        guard let place = Place(url) else { throw Fault(description: "\(url) is no address for a player") }
        let path = url.dropFirst("http://".count).drop { $0 != "/" }
        let request =
            "GET \(path.isEmpty ? "/" : path) HTTP/1.1\r\nhost: \(place.host):\(place.port)\r\nuser-agent: tributary-lab\r\n\r\n"
        let isReused = descriptor >= 0 && self.place == place
        do {
            return try exchange(request, at: place, body)
        } catch  where isReused && error.isEarly {
            // The server may close an idle connection whenever it likes.
            do { return try exchange(request, at: place, body) } catch { throw error.fault }
        } catch {
            throw error.fault
        }
    }

    func get(_ url: String) throws(Fault) -> (status: Int, body: [UInt8]) {
        var body: [UInt8] = []
        let status = try get(url) { body.append(contentsOf: $0) }
        return (status, body)
    }

    private struct Failure: Error {
        var fault: Fault
        /// Nothing of an answer had come.
        var isEarly: Bool
    }

    private func exchange(
        _ request: String, at place: Place, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(Failure) -> Int {
        var isEarly = true
        do throws(Fault) {
            if descriptor < 0 || self.place != place { try connect(to: place) }
            try send(request)
            let head = try head(&isEarly)
            var left = head.length
            while left > 0 {
                if rest.isEmpty { try fill() }
                let part = rest.lowerBound..<min(rest.upperBound, rest.lowerBound + left)
                if head.status == 200 { body(UnsafeRawBufferPointer(rebasing: buffer[part])) }
                rest = part.upperBound..<rest.upperBound
                left -= part.count
            }
            if head.closes { close() }
            return head.status
        } catch {
            close()
            throw Failure(fault: error, isEarly: isEarly)
        }
    }

    private func connect(to place: Place) throws(Fault) {
        close()
        let made = make()
        guard made >= 0 else { throw Fault(description: "no socket") }
        descriptor = made
        self.place = place
        // So that a stopped player notices within half a second.
        var wait = timeval(tv_sec: 0, tv_usec: 500_000)
        setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = place.port.bigEndian
        guard inet_pton(AF_INET, place.host, &address.sin_addr) == 1 else {
            throw Fault(description: "\(place.host) is no IPv4 address")
        }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(made, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Fault(description: "no connection: \(String(cString: strerror(errno)))") }
    }

    private func send(_ text: String) throws(Fault) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let sent = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { throw Fault(description: "the connection broke") }
            bytes = bytes.dropFirst(sent)
        }
    }

    private func head(_ isEarly: inout Bool) throws(Fault) -> (status: Int, length: Int, closes: Bool) {
        var lines: [String] = []
        var line: [UInt8] = []
        while true {
            if rest.isEmpty { try fill() }
            isEarly = false
            let byte = buffer[rest.lowerBound]
            rest = rest.lowerBound + 1..<rest.upperBound
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                guard line.count < 8_192 else { throw Fault(description: "a header line without an end") }
                continue
            }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if line.isEmpty { break }
            lines.append(String(decoding: line, as: UTF8.self))
            line = []
        }
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw Fault(description: "an answer that is not HTTP")
        }
        var length: Int?
        var closes = false
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            guard pair.count == 2 else { continue }
            let value = pair[1].drop { $0 == " " }
            switch pair[0].lowercased() {
            case "content-length": length = Int(value)
            case "connection": closes = value.lowercased() == "close"
            default: break
            }
        }
        if status == 204 || status == 304 { length = 0 }
        guard let length, length >= 0 else { throw Fault(description: "an answer without a length") }
        return (status, length, closes)
    }

    /// Waits for bytes.
    private func fill() throws(Fault) {
        let deadline = Instant.now + patience
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 {
                rest = 0..<count
                return
            }
            guard count < 0, errno == EAGAIN || errno == EINTR else {
                throw Fault(description: count == 0 ? "the connection was closed" : String(cString: strerror(errno)))
            }
            if isStopped() { throw Fault(description: "stopped") }
            guard Instant.now < deadline else { throw Fault(description: "nothing came for \(patience.seconds) s") }
        }
    }

    private func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
        rest = 0..<0
    }
}
