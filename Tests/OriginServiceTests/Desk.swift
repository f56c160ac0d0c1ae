import Foundation
import Glibc
import Inspection
import Integrity
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Vocabulary
import WebClient
import WebServer
import Wire

@testable import OriginMedia
@testable import OriginService

/// A data folder for one test; gone when the test is over.
final class Desk: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/tributary-origin-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var journal: URL { URL(fileURLWithPath: path + "/data/journal") }

    func folder() throws -> DataFolder { try DataFolder(path + "/data") }

    /// An origin as it is after a start; the one before it must be gone, as after a kill.
    func publication(_ folder: DataFolder? = nil) throws -> Publication {
        var log = Logger(label: "test")
        log.logLevel = .critical
        return try Publication(try folder ?? self.folder(), title: "A title", log: log) { _ in }
    }

    /// The records of the journal, as far as it is whole.
    func kept() throws -> [Record] {
        let folder = try folder()
        return try Journal(in: folder.path, key: folder.key).rows.map { $0[0].record }
    }

    /// The journal without the room that is set aside at its end.
    func trimmedJournal() throws -> [UInt8] {
        let bytes = Array(try Data(contentsOf: journal))
        return Array(bytes[...(bytes.lastIndex { $0 != 0 } ?? 0)])
    }

    func write(_ bytes: [UInt8]) throws { try Data(bytes).write(to: journal) }
}

/// A segment that is not really media: the service does not look into it.
func cutSegment(_ number: Int, length: Int = 40_000, isLast: Bool = false) -> CutSegment {
    CutSegment(
        media: [
            CutSegment.Media(bytes: (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number &* 7 &+ $0 >> 8) })
        ],
        duration: 2_000_000, programTime: 1_800_000_000_000 + Int64(number) * 2_000, isDiscontinuity: false,
        isLast: isLast, targetDuration: 2)
}

extension Publication {
    func publish(_ numbers: Range<Int>, isClosing: Bool = false) {
        for number in numbers { publish(cutSegment(number, isLast: isClosing && number == numbers.upperBound - 1)) }
    }

    static let description = [
        MediaDescription(codecs: ["avc1.64001f"], width: 640, height: 360, framesPerKilosecond: 25_000)
    ]

    /// What the head says of the newest segment.
    func newest() throws -> (head: Head, record: Record) {
        let head = try Head(bencoded: try Envelope.open(try #require(self.head), as: .head, by: broadcast))
        let record = try Record(
            bencoded: try Envelope.open(try #require(head.newest.first), as: .record, by: broadcast))
        return (head, record)
    }
}

/// An answer of the origin, read from the socket.
struct Answer {
    var status = 0
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// An origin's HTTP surface on a free port of this machine.
final class Counter: Sendable {
    private let server: Server
    let base: String

    init(_ publication: Publication, patience: TimeAmount = .seconds(5)) async throws {
        let site = OriginSite(
            publication, on: OriginUplink(), patience: patience, link: { ("magnet:?<x>", "http://x/?a&b") },
            malformed: { [:] })
        server = try await Server.start(
            host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton,
            limits: OriginSite.limits(perAddress: 1_024), shortcut: site.answer
        ) {
            site.answer($0, on: $1)
        }
        base = "/\(publication.broadcast)"
    }

    func close() async { await server.stop() }

    /// What all paths of the broadcast begin with.
    var address: String { "http://127.0.0.1:\(server.port)\(base)" }

    /// What the checker finds wrong with all that is served; what is in segments is no media here.
    func findings() async -> [Finding] {
        let client = WebClient()
        defer { client.shutdown() }
        var inspector = Inspector(client, tolerance: 20_000_000)
        return await inspector.inspect("\(address)/master.m3u8", for: 0).findings.map(\.finding)
            .filter { ![.container, .keyframe, .continuity].contains($0.item) }
    }

    /// `path` is sent as it is, and a plain request as most players send it; without a leading slash it is below the broadcast's own.
    func ask(
        _ path: String, method: String = "GET", headers: [(String, String)] = [], isPlain: Bool = false
    ) async throws -> Answer {
        let whole = path.hasPrefix("/") ? path : "\(base)/\(path)"
        let fields = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
        let end = isPlain ? "" : "connection: close\r\n"
        let request = "\(method) \(whole) HTTP/1.1\r\nhost: 127.0.0.1\r\n\(fields)\(end)\r\n"
        let (port, bytes) = (server.port, Array(request.utf8))
        // A blocking socket on a thread of its own sends what no client library would.
        let reply = try await NIOThreadPool.singleton.runIfActive { try Self.exchange(bytes, port: port) }
        return Self.parse(reply)
    }

    /// Asks, sees that the answer begins, and takes no more of it until `close` of what is returned.
    func begin(_ path: String, headers: [(String, String)]) async throws -> Int32 {
        let fields = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
        let request = Array("GET \(base)/\(path) HTTP/1.1\r\nhost: 127.0.0.1\r\n\(fields)\r\n".utf8)
        let port = server.port
        return try await NIOThreadPool.singleton.runIfActive {
            let line = try Self.send(request, port: port, window: 4_096)
            var byte: UInt8 = 0
            guard recv(line, &byte, 1, 0) == 1 else { throw POSIXError(.ETIMEDOUT) }
            return line
        }
    }

    private static func exchange(_ request: [UInt8], port: Int) throws -> [UInt8] {
        let line = try send(request, port: port)
        defer { Glibc.close(line) }
        var reply: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(line, &buffer, buffer.count, 0)
            guard count > 0 else { return reply }
            reply += buffer[..<count]
            // A connection that may be asked again stays open.
            let answer = parse(reply)
            if let length = answer.headers["content-length"].flatMap({ Int($0) }), answer.body.count >= length {
                return reply
            }
        }
    }

    /// Returns a connection on which the request has been sent.
    private static func send(_ request: [UInt8], port: Int, window: Int32? = nil) throws -> Int32 {
        let line = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard line >= 0 else { throw POSIXError(.EIO) }
        if var window { setsockopt(line, SOL_SOCKET, SO_RCVBUF, &window, socklen_t(MemoryLayout<Int32>.size)) }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let failed = withUnsafeBytes(of: &address) { bytes -> Bool in
            guard let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress else { return true }
            return connect(line, pointer, socklen_t(bytes.count)) != 0
        }
        guard !failed, Glibc.send(line, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            Glibc.close(line)
            throw POSIXError(.ECONNREFUSED)
        }
        return line
    }

    private static func parse(_ reply: [UInt8]) -> Answer {
        guard let end = reply.indices.dropLast(3).first(where: { reply[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) })
        else { return Answer() }
        let lines = String(decoding: reply[..<end], as: UTF8.self).split(separator: "\r\n")
        var answer = Answer()
        answer.status = lines.first.flatMap { Int($0.split(separator: " ").dropFirst().first ?? "") } ?? 0
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            guard pair.count == 2 else { continue }
            // A field may come in several lines (RFC 9110, section 5.3).
            let (name, value) = (pair[0].lowercased(), pair[1].trimmingCharacters(in: .whitespaces))
            answer.headers[name] = answer.headers[name].map { "\($0), \(value)" } ?? value
        }
        answer.body = Array(reply[(end + 4)...])
        return answer
    }
}
