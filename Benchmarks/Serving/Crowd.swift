import Glibc

/// Many connections of one thread, each of which asks for one thing after another and counts what comes.
final class Crowd {
    struct Counts {
        var answers = 0
        var bytes = 0
        var failures = 0
    }

    private struct Member {
        let socket: Int32
        var head: [UInt8] = []
        /// Bytes of body that are still to come; `nil` while the head comes.
        var rest: Int?
        var isWaiting = false
        var due: Double = 0
        var turn = 0
        var asked: Double = 0
    }

    private var members: [Int32: Member] = [:]
    private let requests: [[UInt8]]
    /// Seconds from one request of a member to its next; 0 asks again at once.
    private let pause: Double
    private(set) var counts = Counts()
    /// Seconds that the answers to the first request took, of members that pause.
    private(set) var waits: [Double] = []

    /// - Parameter paths: what each member asks for in turn.
    init(_ size: Int, port: Int, paths: [String], pause: Double = 0) {
        self.pause = pause
        requests = paths.map {
            Array("GET \($0) HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: crowd\r\nAccept: */*\r\n\r\n".utf8)
        }
        for number in 0..<size {
            guard let socket = Self.connect(port) else {
                counts.failures += 1
                continue
            }
            members[socket] = Member(socket: socket, due: pause * Double(number) / Double(size), turn: number)
        }
    }

    deinit {
        for socket in members.keys { close(socket) }
    }

    private static func connect(_ port: Int) -> Int32? {
        let line = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard line >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let failed = withUnsafeBytes(of: &address) { bytes in
            Glibc.connect(line, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count)) != 0
        }
        guard !failed else {
            close(line)
            return nil
        }
        return line
    }

    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Goes on until so many answers or bytes have come, or for so long.
    func run(answers: Int = .max, bytes: Int = .max, seconds: Double = 60) {
        let begin = Self.now
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        if pause == 0 { for socket in members.keys { ask(socket) } }
        while counts.answers < answers, counts.bytes < bytes, Self.now - begin < seconds, !members.isEmpty {
            if pause > 0 {
                let now = Self.now - begin
                for (socket, member) in members where !member.isWaiting && member.due <= now { ask(socket) }
            }
            var waiting = members.values.filter(\.isWaiting).map {
                pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0)
            }
            guard poll(&waiting, nfds_t(waiting.count), 20) > 0 else { continue }
            for line in waiting where line.revents != 0 { receive(line.fd, &buffer) }
        }
    }

    private func ask(_ socket: Int32) {
        guard var member = members[socket] else { return }
        let request = requests[member.turn % requests.count]
        member.turn += 1
        member.due += pause
        member.isWaiting = true
        member.asked = pause > 0 ? Self.now : 0
        member.rest = nil
        members[socket] = member
        if send(socket, request, request.count, Int32(MSG_NOSIGNAL)) != request.count { lose(socket) }
    }

    private func lose(_ socket: Int32) {
        close(socket)
        members[socket] = nil
        counts.failures += 1
    }

    private func receive(_ socket: Int32, _ buffer: inout [UInt8]) {
        let count = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count < 0, errno == EAGAIN { return }
        guard count > 0, var member = members[socket] else { return lose(socket) }
        var body = count
        if member.rest == nil {
            member.head += buffer[..<count]
            guard let end = Self.headEnd(member.head) else {
                members[socket] = member
                return
            }
            let text = String(decoding: member.head[..<end], as: UTF8.self).lowercased()
            guard text.hasPrefix("http/1.1 200"), let field = text.range(of: "content-length: "),
                let length = Int(text[field.upperBound...].prefix { $0.isNumber })
            else { return lose(socket) }
            body = member.head.count - end - 4
            member.head = []
            member.rest = length
        }
        counts.bytes += body
        let rest = (member.rest ?? 0) - body
        member.rest = rest
        if rest <= 0 {
            counts.answers += 1
            member.isWaiting = false
            if pause > 0, (member.turn - 1) % requests.count == 0 { waits.append(Self.now - member.asked) }
        }
        members[socket] = member
        if rest <= 0, pause == 0 { ask(socket) }
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0...bytes.count - 4).first {
            bytes[$0] == 13 && bytes[$0 + 1] == 10 && bytes[$0 + 2] == 13 && bytes[$0 + 3] == 10
        }
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<Index>? { firstRange(of: text) }
}
