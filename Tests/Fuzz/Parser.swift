import Inspection
import Integrity
import NIOCore
import OriginIngest
import OriginMedia
import Scenarios
import TrackerDirectory
import TrackerService
import Vocabulary
import WebServer
import Wire

/// One parser of bytes from outside, and what must hold for all that it accepts: it neither traps nor grows, and what
/// it understood, written and parsed again, means the same.
struct Parser: Sendable {
    let name: String
    let parse: @Sendable ([UInt8]) -> Void

    static let all: [Parser] = [
        Parser(name: "bencode") { bytes in
            guard let value = try? Bencode(parsing: bytes) else { return }
            expect(value.encoded == bytes, "bencode is canonical: what was accepted is what is written")
        },
        Parser(name: "record") { bytes in
            guard let record = try? Record(bencoded: bytes) else { return }
            expect((try? Record(bencoded: record.bencoded)) == record, "a record survives a round trip")
        },
        Parser(name: "head") { bytes in
            guard let head = try? Head(bencoded: bytes) else { return }
            expect((try? Head(bencoded: head.bencoded)) == head, "a head survives a round trip")
        },
        Parser(name: "records-answer") { bytes in
            guard let answer = try? RecordsAnswer(parsing: bytes) else { return }
            expect((try? RecordsAnswer(parsing: answer.encoded)) == answer, "records survive a round trip")
        },
        Parser(name: "peer-frame") { bytes in
            guard let frame = try? PeerFrame(parsing: ByteBuffer(bytes: bytes)) else { return }
            var buffer = ByteBuffer()
            frame.encode(into: &buffer)
            expect((try? PeerFrame(parsing: buffer)) == frame, "a frame survives a round trip")
        },
        Parser(name: "tracker-request") { bytes in
            guard let request = try? TrackerRequest(parsing: ByteBuffer(bytes: bytes)) else { return }
            var buffer = ByteBuffer()
            request.encode(into: &buffer)
            expect((try? TrackerRequest(parsing: buffer)) == request, "a tracker request survives a round trip")
        },
        Parser(name: "swarm-request") { bytes in
            bytes.withUnsafeBytes { bytes in
                switch try? SwarmRequest(parsing: bytes) {
                case .scrape(_, _, let count)?:
                    for index in 0..<count { _ = SwarmRequest.hash(index, of: bytes) }
                    expect(count <= Limits.scrapeHashes, "a scrape has no more hashes than its answer has room for")
                case .connect?: expect(bytes.count >= 16, "a connect's answer is no longer than the connect")
                case .announce?, nil: break
                }
            }
        },
        Parser(name: "swarm-query") { bytes in
            bytes.withUnsafeBytes { bytes in
                _ = try? SwarmQuery(parsing: bytes)
                guard let hashes = try? SwarmQuery.hashes(parsing: bytes) else { return }
                expect((1...Limits.scrapeHashes).contains(hashes.count), "a scrape has some hashes and not too many")
            }
        },
        Parser(name: "socket-message") { bytes in
            guard let message = try? SocketMessage(parsing: bytes) else { return }
            switch message.content {
            case .announce(_, let name, let offers):
                expect(name.count == 20 && offers.count <= Limits.socketOffers, "an announce is within its limits")
                expect(offers.allSatisfy { $0.id.utf8.count <= 64 }, "what is passed on has a short name")
            case .answer(_, let name, let other, let offer, _):
                expect(name.count == 20 && other.count == 20 && offer.utf8.count <= 64, "an answer names two peers")
            case .scrape(let hashes): expect(hashes.count <= Limits.scrapeHashes, "a scrape has not too many hashes")
            }
        },
        Parser(name: "plain-request") { bytes in
            bytes.withUnsafeBytes { bytes in
                guard let request = PlainRequest(bytes) else { return }
                expect(request.target.first == UInt8(ascii: "/"), "a target is a path")
                expect(request.target.allSatisfy { (33...126).contains($0) }, "a target is one word")
                expect(bytes.suffix(4).elementsEqual("\r\n\r\n".utf8), "nothing follows the empty line")
            }
        },
        Parser(name: "cursor") { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            for text in [text, Hexadecimal.encode(bytes)] {
                guard let cursor = Cursor(text) else { continue }
                expect(Cursor(cursor.text) == cursor, "a cursor survives a round trip")
            }
        },
        Parser(name: "tracker-answer") { bytes in
            guard let answer = try? TrackerAnswer(parsing: ByteBuffer(bytes: bytes)) else { return }
            var buffer = ByteBuffer()
            answer.encode(into: &buffer)
            expect((try? TrackerAnswer(parsing: buffer)) == answer, "a tracker answer survives a round trip")
        },
        Parser(name: "listing") { bytes in
            guard let listing = try? Listing(bencoded: bytes) else { return }
            expect((try? Listing(bencoded: listing.bencoded)) == listing, "a listing survives a round trip")
        },
        Parser(name: "magnet-link") { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            for text in [text, "magnet:?xs=urn:btpk:" + String(repeating: "0", count: 64) + "&ws=http://h&" + text] {
                guard let link = try? MagnetLink(parsing: text) else { continue }
                expect((try? MagnetLink(parsing: "\(link)")) == link, "a link survives a round trip")
            }
        },
        Parser(name: "byte-range") { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            for (header, length) in [(text, 1_000), ("bytes=" + text, 1_000), ("bytes=" + text, 0)] {
                guard case .partial(let range) = ByteRange.parse(header, length: length) else { continue }
                expect(!range.isEmpty && (0..<length).contains(range), "a range lies within the whole")
            }
        },
        Parser(name: "playlist") { bytes in
            let reading = PlaylistReading(parsing: bytes, at: "x")
            var history = History()
            _ = history.add(reading, at: 0)
            let again = history.add(reading, at: 1).filter { $0.item != .window }
            expect(again.isEmpty, "a playlist that does not change breaks no rule by changing")
            expect(Alignment.findings([reading, reading]).isEmpty, "a playlist is aligned with itself")
        },
        Parser(name: "media-segment") { bytes in
            let initialization = InitializationReading(bytes)
            for reading in [
                MediaReading(bytes, initialization: nil), MediaReading(bytes, initialization: initialization),
            ] {
                var continuity = Continuity()
                _ = continuity.add(reading, sequence: 0, duration: 1, isNew: false, at: "x")
                _ = continuity.add(reading, sequence: 1, duration: 1, isNew: false, at: "x")
            }
        },
        Parser(name: "scenario") { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            for text in [text, "# Does it hold?\n" + text] {
                guard let scenario = try? Scenario(parsing: text) else { continue }
                expect((try? Scenario(parsing: scenario.text)) == scenario, "a scenario survives a round trip")
            }
        },
        Parser(name: "amf") { bytes in
            guard let values = try? AMF.values(parsing: ByteBuffer(bytes: bytes)) else { return }
            var written = ByteBuffer()
            for value in values { value.encode(into: &written) }
            guard let again = try? AMF.values(parsing: written) else { return }
            var rewritten = ByteBuffer()
            for value in again { value.encode(into: &rewritten) }
            expect(rewritten == written, "what was read of a command is written alike")
        },
        Parser(name: "rtmp") { bytes in
            // Arrives in one piece and byte by byte: what is understood must not depend on how the network cuts it.
            var (heard, dialogue) = ([Dialogue.Command](), Dialogue())
            var (reader, buffer) = (ChunkReader(), ByteBuffer(bytes: bytes))
            var isWhole = true
            do {
                while let message = try reader.next(from: &buffer) {
                    try dialogue.handle(message, into: &heard)
                    dialogue.admitted(into: &heard)
                }
            } catch {
                isWhole = false
            }
            var (slowly, trickle, slowReader) = ([Dialogue.Command](), ByteBuffer(), ChunkReader())
            dialogue = Dialogue()
            do {
                for byte in bytes {
                    trickle.writeInteger(byte)
                    while let message = try slowReader.next(from: &trickle) {
                        try dialogue.handle(message, into: &slowly)
                        dialogue.admitted(into: &slowly)
                    }
                }
                expect(isWhole, "what is refused at once is refused in time")
            } catch {
                expect(!isWhole, "what is accepted at once is accepted in time")
            }
            expect(heard.count == slowly.count, "a dialogue does not depend on how its bytes arrive")
        },
        Parser(name: "rtmp-handshake") { bytes in
            var (handshake, buffer) = (Handshake(), ByteBuffer(bytes: bytes))
            _ = try? handshake.take(from: &buffer, random: [])
        },
        Parser(name: "annex-b") { bytes in
            bytes.withUnsafeBufferPointer { bytes in
                let units = AnnexB(bytes).map { Array($0) }
                let again: [UInt8] = units.flatMap { [0, 0, 1] + $0 }
                again.withUnsafeBufferPointer {
                    expect(AnnexB($0).map { Array($0) } == units, "units survive a round trip")
                }
            }
        },
        Parser(name: "latm") { bytes in
            bytes.withUnsafeBufferPointer { frame in
                var latm = LATM()
                for _ in 0..<2 {
                    guard let piece = try? latm.unwrap(frame) else { continue }
                    expect(piece.count < bytes.count, "sound is shorter than what it is wrapped in")
                    expect(LATM.carries(latm.configuration ?? []), "what is unwrapped can be carried")
                }
            }
        },
        Parser(name: "noise") { bytes in
            guard let key = NoiseKey(secret: [UInt8](repeating: 7, count: 32)) else { return }
            for isInitiator in [true, false] {
                var handshake = NoiseHandshake(isInitiator: isInitiator, prologue: [], identity: key, ephemeral: key)
                if isInitiator { _ = try? handshake.write() }
                var rest = bytes[...]
                for length in NoiseHandshake.messageLengths where !handshake.isComplete {
                    if handshake.isOurTurn {
                        _ = try? handshake.write()
                    } else {
                        _ = try? handshake.read(Array(rest.prefix(length)))
                        rest = rest.dropFirst(length)
                    }
                }
                _ = try? handshake.read(bytes)
            }
        },
    ]

    private static func expect(_ holds: Bool, _ rule: String) {
        if !holds { fatalError(rule) }
    }
}
