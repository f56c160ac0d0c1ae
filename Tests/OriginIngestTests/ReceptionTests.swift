import Integrity
import Logging
import OriginCore
import OriginMedia
import Synchronization
import Testing
import Vocabulary

@testable import OriginIngest

@Suite struct `A reception` {
    private let reception: Reception
    private let key = StreamKey.make()

    init() {
        var log = Logger(label: "test")
        log.logLevel = .critical
        reception = Reception(log: log)
        reception.open(
            "show", keys: [Reception.Key(name: "main", hash: StreamKey.hash(key))], to: [Entrance(), Entrance()],
            policy: .refuse)
    }

    /// What an encoder was told when it was sent away.
    private final class Words: Sendable {
        let said = Mutex<[String]>([])
    }

    private func encoder(_ address: String = "192.0.2.1", _ words: Words = Words()) -> Encoder {
        Encoder(
            transport: "RTMP", address: address, format: .flv,
            hangUp: { reason in words.said.withLock { $0.append(reason) } }, resume: {})
    }

    private func refusal(_ admission: Reception.Admission) -> String? {
        if case .refused(let reason) = admission { reason } else { nil }
    }

    @Test func `opens a broadcast to its key alone`() {
        #expect(refusal(reception.admit(encoder(), Ticket(key: key + "0")))?.contains("wrong") == true)
        #expect(refusal(reception.admit(encoder(), Ticket(key: ""))) != nil)
        #expect(refusal(reception.admit(encoder(), Ticket(key: String(repeating: key, count: 1_000)))) != nil)
        let mine = encoder()
        #expect(refusal(reception.admit(mine, Ticket(key: key))) == nil)
        #expect(reception.encoder(of: "show")?.address == "192.0.2.1")
        #expect(refusal(reception.admit(encoder(), Ticket(key: key)))?.contains("on air") == true)
        reception.left(mine, "it has ended its programme")
        #expect(refusal(reception.admit(encoder(), Ticket(key: key))) == nil)
    }

    @Test func `lets each rendition have an encoder, and knows which there are`() {
        let (source, smaller) = (encoder(), encoder())
        #expect(refusal(reception.admit(source, Ticket(key: key))) == nil)
        #expect(refusal(reception.admit(smaller, Ticket(key: key, rendition: 1))) == nil)
        #expect(reception.figures.onAir == 2)
        for rendition in [2, .max] {
            let ticket = Ticket(key: key, rendition: rendition)
            #expect(refusal(reception.admit(encoder(), ticket)) == "this broadcast takes rendition 1")
            #expect(reception.refusal(of: ticket, transport: "SRT", from: "192.0.2.1") == .noSuchRendition(1))
        }
        reception.left(source, "it has ended its programme")
        #expect(reception.figures.onAir == 1 && reception.encoder(of: "show") == nil)
        reception.change([], of: "show")
        #expect(reception.figures.onAir == 0)
    }

    @Test func `lets an address guess ten times, and knows the networks of IPv6`() {
        for guess in 0..<10 {
            #expect(
                refusal(reception.admit(encoder("2001:db8:1:2::\(guess)"), Ticket(key: "\(guess)")))?.contains("wrong")
                    == true)
        }
        #expect(
            refusal(reception.admit(encoder("2001:db8:1:2:ffff::"), Ticket(key: key)))?.contains("too many") == true)
        #expect(reception.refusal(of: Ticket(key: key), transport: "SRT", from: "2001:db8:1:2::5") != nil)
        #expect(refusal(reception.admit(encoder("2001:db8:1:3::1"), Ticket(key: key))) == nil)
        #expect(reception.figures.refused == ["wrong_key": 10, "too_many_guesses": 2])
    }

    @Test func `sends away who uses a revoked key, and nobody else`() throws {
        let other = StreamKey.make()
        let hashes = [key, other].map { Reception.Key(name: $0, hash: StreamKey.hash($0)) }
        reception.change(hashes, of: "show")
        let words = Words()
        guard case .admitted(let feed) = reception.admit(encoder("192.0.2.1", words), Ticket(key: key)) else {
            throw RTMPError.truncated
        }
        reception.change([hashes[0]], of: "show")
        #expect(words.said.withLock { $0.isEmpty } && !feed.isOver)
        reception.change([hashes[1]], of: "show")
        #expect(words.said.withLock { $0 } == ["the stream key was revoked"])
        #expect(feed.isOver)
        #expect(reception.encoder(of: "show") == nil)
    }

    @Test func `tells an encoder what its programme lacks, once`() throws {
        let words = Words()
        guard case .admitted(let feed) = reception.admit(encoder("192.0.2.1", words), Ticket(key: key)) else {
            throw RTMPError.truncated
        }
        feed.refuse("it holds no video")
        feed.refuse("it holds no video")
        #expect(words.said.withLock { $0 } == ["it holds no video"])
        #expect(refusal(reception.admit(encoder(), Ticket(key: key))) == nil)
    }

    @Test(arguments: [
        ("::1", "0:0:0:0"), ("2001:db8::1", "2001:db8:0:0"), ("192.0.2.1", "192.0.2.1"), ("1:2:3:4:5:6:7:8", "1:2:3:4"),
    ])
    func `knows who owns an address`(address: String, network: String) {
        #expect(Reception.network(address) == network)
    }
}

@Suite struct `A feed` {
    @Test func `says when it is full, and when there is room again`() {
        let hasRoom = Atomic(0)
        let feed = Feed(name: "x", format: .flv, onRoom: { hasRoom.add(1, ordering: .relaxed) })
        var pushed = 0
        while feed.push([UInt8](repeating: 1, count: 1 << 20)), pushed < 100 { pushed += 1 }
        #expect((1...15).contains(pushed) && feed.isFull)
        feed.finish("the test is over")
        #expect(feed.push([1]) && feed.isOver)
    }
}
