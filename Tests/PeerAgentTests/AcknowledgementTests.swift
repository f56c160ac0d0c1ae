import Integrity
import NIOCore
import NIOPosix
import PeerCore
import Testing
import Vocabulary
import Wire

@testable import PeerAgent

@Suite(.timeLimit(.minutes(1))) struct `A piece on a real connection` {
    private static let segment = SegmentID(rendition: 0, sequence: 7)
    private static let content = ByteBuffer(repeating: 9, count: PieceID.length)
    private static let count = 200

    @Test func `is told to be sent once, and not before the other machine has it`() async throws {
        try await withConnection { connection in
            try await connection.setReading(false)
            try await connection.send(Self.count, Self.content, of: Self.segment)
            // The other end reads nothing, so what its machine has lies in its receive buffer.
            try await connection.waitUntilNothingMoves()
            let stuck = try await connection.sent
            let room = try await connection.receiveBuffer
            #expect(stuck.count < Self.count)
            #expect(stuck.count * PieceID.length <= room)

            try await connection.setReading(true)
            try await connection.wait { $0.sender.sent.count == Self.count }
            #expect(try await connection.sent == Array(0..<Self.count))
            try await connection.wait { $0.receiver.pieces == Self.count }
        }
    }

    @Test func `is answered for once when the other process dies, and the link is lost`() async throws {
        try await withConnection { connection in
            try await connection.setReading(false)
            try await connection.send(Self.count, Self.content, of: Self.segment)
            try await connection.wait { !$0.sender.sent.isEmpty }
            try await connection.die()
            try await connection.wait { $0.sender.hasEnded }
            #expect(try await connection.sent.sorted() == Array(0..<Self.count))
        }
    }

    @Test func `does not hold up a small frame behind all that waits`() async throws {
        try await withConnection { connection in
            try await connection.setReading(false)
            try await connection.send(Self.count, Self.content, of: Self.segment)
            try await connection.waitUntilNothingMoves()
            let before = try await connection.sent.count
            try await connection.ping()
            try await connection.setReading(true)
            try await connection.wait { $0.receiver.piecesBeforePing != nil }
            let ahead = try #require(try await connection.piecesBeforePing)
            #expect(ahead >= before)
            #expect(ahead < Self.count)
        }
    }
}

/// Two links with a loopback connection between them, all on one event loop.
private final class Connection: @unchecked Sendable {
    final class End: LinkOwner {
        var sent: [Int] = []
        var pieces = 0
        var piecesBeforePing: Int?
        var isOpen = false
        var hasEnded = false

        func opened(_ link: Link, _ peer: PeerID) { isOpen = true }
        func received(_ frame: PeerFrame, on link: Link) {
            switch frame {
            case .piece: pieces += 1
            case .ping: piecesBeforePing = pieces
            default: break
            }
        }
        func readDone(_ link: Link) {}
        func sent(_ piece: PieceID, on link: Link) { sent.append(piece.index) }
        func ended(_ link: Link, because flaw: LinkFlaw?) { hasEnded = true }
    }

    let sender = End()
    let receiver = End()
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let eventLoop: any EventLoop
    private var listener: (any Channel)?
    private var near: (any Channel)?
    private var far: (any Channel)?
    private var link: Link?

    init() { eventLoop = group.any() }

    func open() async throws {
        let broadcast = BroadcastID(Word256(1, 2, 3, 4))
        let identity = PeerIdentity()
        let listener = try await ServerBootstrap(group: group)
            .childChannelOption(.socketOption(.so_rcvbuf), value: 128 << 10)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    self.far = channel
                    let link = Link(
                        LinkID(2), dialled: nil, remoteAddress: [127, 0, 0, 1], identity: identity,
                        broadcast: broadcast, owner: self.receiver)
                    try link.attach(to: channel)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = UInt16(try #require(listener.localAddress?.port))
        let endpoint = try #require(Endpoint(address: [127, 0, 0, 1], port: port))
        let near = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let link = Link(
                        LinkID(1), dialled: Introduction(peer: identity.peer, endpoint: endpoint),
                        remoteAddress: [127, 0, 0, 1], identity: PeerIdentity(), broadcast: broadcast,
                        owner: self.sender)
                    self.link = link
                    try link.attach(to: channel)
                }
            }
            .connect(host: "127.0.0.1", port: Int(port)).get()
        try await eventLoop.submit { (self.listener, self.near) = (listener, near) }.get()
        try await wait { $0.sender.isOpen && $0.receiver.isOpen }
    }

    func close() async throws {
        let channels = try await eventLoop.submit { [self.near, self.far, self.listener] }.get()
        for channel in channels { try? await channel?.close() }
        try await group.shutdownGracefully()
    }

    var sent: [Int] {
        get async throws { try await eventLoop.submit { self.sender.sent }.get() }
    }

    var piecesBeforePing: Int? {
        get async throws { try await eventLoop.submit { self.receiver.piecesBeforePing }.get() }
    }

    /// Bytes that the receiver's machine takes while nobody reads there.
    var receiveBuffer: Int {
        get async throws {
            let channel = try #require(try await eventLoop.submit { self.far }.get())
            return Int(try await channel.getOption(.socketOption(.so_rcvbuf)).get())
        }
    }

    func setReading(_ reads: Bool) async throws {
        let channel = try #require(try await eventLoop.submit { self.far }.get())
        try await channel.setOption(.autoRead, value: reads).get()
    }

    func send(_ count: Int, _ content: ByteBuffer, of segment: SegmentID) async throws {
        try await eventLoop.submit {
            for index in 0..<count { self.link?.sendPiece(PieceID(segment, index), content) }
        }.get()
    }

    func ping() async throws {
        try await eventLoop.submit {
            self.link?.send(.ping(1))
            self.link?.flush()
        }.get()
    }

    /// What the kernel does to the connections of a process that is killed with unread bytes: it resets them.
    func die() async throws {
        let channel = try #require(try await eventLoop.submit { self.far }.get())
        try await channel.close()
    }

    /// Looks for acknowledgements until `condition` holds.
    func wait(_ condition: @escaping @Sendable (Connection) -> Bool) async throws {
        for _ in 0..<2_000 {
            let holds = try await eventLoop.submit {
                self.link?.lookForAcknowledgements()
                return condition(self)
            }.get()
            if holds { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("it did not come about in 10 s")
    }

    /// Waits until there has been no acknowledgement for a quarter of a second, longer than a delayed one takes.
    func waitUntilNothingMoves() async throws {
        var last = (count: -1, since: NIODeadline.now())
        for _ in 0..<2_000 {
            let count = try await eventLoop.submit {
                self.link?.lookForAcknowledgements()
                return self.sender.sent.count
            }.get()
            if count != last.count { last = (count, .now()) }
            if NIODeadline.now() - last.since > .milliseconds(250) { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("it did not come to rest in 10 s")
    }
}

private func withConnection(_ body: (Connection) async throws -> Void) async throws {
    let connection = Connection()
    try await connection.open()
    do {
        try await body(connection)
    } catch {
        try await connection.close()
        throw error
    }
    try await connection.close()
}
