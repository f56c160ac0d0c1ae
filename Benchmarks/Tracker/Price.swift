import CDatagrams
import Dispatch
import Glibc

/// What the kernel alone charges: answers each datagram or HTTP request with as many bytes as a tracker would, and knows
/// nothing. No tracker on plain sockets is faster.
struct Price {
    let port: UInt16

    /// Ends when it is killed.
    func serve() -> Never {
        DispatchQueue.global().async { serveDatagrams() }
        servePages()
    }

    private func listening(_ kind: __socket_type) -> Int32 {
        let made = socket(AF_INET, Int32(kind.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        place.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let code = withUnsafeBytes(of: place) { bytes in
            bytes.baseAddress.map { bind(made, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) }
        }
        precondition(code == 0, "the port is taken: \(errno)")
        return made
    }

    private func serveDatagrams() -> Never {
        let socket = listening(SOCK_DGRAM)
        var room: Int32 = 8 << 20
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &room, 4)
        let batch = datagram_batch_make()
        while true {
            let received = datagram_batch_receive(batch, socket)
            for position in 0..<max(0, received) {
                guard let datagram = datagram_batch_at(batch, position) else { continue }
                withUnsafeMutableBytes(of: &datagram.pointee.bytes) { bytes in
                    // Action and transaction, as all answers begin.
                    let action = bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
                    bytes.copyBytes(from: Array(bytes[8..<16]))
                    datagram.pointee.length =
                        switch UInt32(bigEndian: action) {
                        case 0: 16
                        case 1: 320
                        default: 1_200
                        }
                }
            }
            _ = datagram_batch_send(batch, socket, received)
        }
    }

    /// One read and one write a request, and one look at which connections have some for all of them.
    private func servePages() -> Never {
        let body = "d8:completei" + String(repeating: "x", count: 400) + "e"
        let answer = Array(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
        let listener = listening(SOCK_STREAM)
        listen(listener, 256)
        signal(SIGPIPE, SIG_IGN)
        var request = [UInt8](repeating: 0, count: 4_096)
        var waiting = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
        while true {
            poll(&waiting, nfds_t(waiting.count), -1)
            for place in waiting.indices where waiting[place].revents != 0 {
                let socket = waiting[place].fd
                if socket == listener {
                    let client = accept(listener, nil, nil)
                    var now: Int32 = 1
                    setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &now, 4)
                    waiting.append(pollfd(fd: client, events: Int16(POLLIN), revents: 0))
                } else if read(socket, &request, request.count) > 0 {
                    _ = write(socket, answer, answer.count)
                } else {
                    close(socket)
                    // Passed over from now on.
                    waiting[place].fd = -1
                }
            }
        }
    }
}
