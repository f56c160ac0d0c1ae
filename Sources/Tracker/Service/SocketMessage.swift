import Foundation
package import Vocabulary
package import Wire

/// What a WebTorrent client says over its WebSocket: JSON in which 20 bytes are 20 characters below U+0100.
package struct SocketMessage: Equatable {
    package enum Content: Equatable {
        case announce(SwarmAnnounce, name: [UInt8], offers: [Offer])
        case answer(InfoHash, name: [UInt8], to: [UInt8], offer: String, JSONBlob)
        case scrape([InfoHash])
    }

    package struct Offer: Equatable {
        package var id: String
        package var offer: JSONBlob
    }

    /// A session description (RFC 8866) that we pass on.
    package struct JSONBlob: Decodable, Equatable {
        package var type: String
        package var sdp: String

        var value: JSONValue { .object([("type", .string(type)), ("sdp", .string(sdp))]) }
    }

    package var content: Content

    private struct Raw: Decodable {
        struct Offer: Decodable {
            var offer_id: String
            var offer: JSONBlob
        }

        /// One or several.
        struct Hashes: Decodable {
            var all: [String]

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let one = try? container.decode(String.self) {
                    all = [one]
                } else {
                    all = try container.decode([String].self)
                }
            }
        }

        var action: String
        var info_hash: Hashes
        var peer_id: String?
        var event: String?
        var left: Double?
        var offers: [Offer]?
        var answer: JSONBlob?
        var to_peer_id: String?
        var offer_id: String?
    }

    package init(parsing bytes: [UInt8]) throws(WireError) {
        guard bytes.count <= Limits.socketMessage else {
            throw .oversized(length: bytes.count, limit: Limits.socketMessage)
        }
        guard let raw = try? JSONDecoder().decode(Raw.self, from: Data(bytes)) else { throw .wrongType("message") }
        guard raw.info_hash.all.count <= Limits.scrapeHashes else { throw .tooMany }
        var hashes: [InfoHash] = []
        for text in raw.info_hash.all {
            guard let hash = Self.bytes(text).flatMap(InfoHash.init) else { throw .outOfRange("info_hash") }
            hashes.append(hash)
        }
        switch raw.action {
        case "scrape": content = .scrape(hashes)
        case "announce":
            guard hashes.count == 1, let hash = hashes.first else { throw .outOfRange("info_hash") }
            guard let name = raw.peer_id.flatMap(Self.bytes) else { throw .outOfRange("peer_id") }
            if let answer = raw.answer {
                guard let other = raw.to_peer_id.flatMap(Self.bytes) else { throw .outOfRange("to_peer_id") }
                guard let id = raw.offer_id, id.utf8.count <= 64 else { throw .outOfRange("offer_id") }
                content = .answer(hash, name: name, to: other, offer: id, answer)
                return
            }
            let events: [String: SwarmAnnounce.Event] = [
                "": .none, "started": .started, "stopped": .stopped, "completed": .completed, "update": .none,
                "paused": .none,
            ]
            guard let event = events[raw.event ?? ""] else { throw .outOfRange("event") }
            let offers = raw.offers ?? []
            guard offers.count <= Limits.socketOffers else { throw .tooMany }
            guard offers.allSatisfy({ $0.offer_id.utf8.count <= 64 }) else { throw .outOfRange("offer_id") }
            let announce = SwarmAnnounce(hash: hash, port: 1, isSeeder: raw.left == 0, event: event)
            content = .announce(announce, name: name, offers: offers.map { Offer(id: $0.offer_id, offer: $0.offer) })
        default: throw .outOfRange("action")
        }
    }

    /// `nil` unless these are 20 bytes.
    private static func bytes(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            guard scalar.value < 256, bytes.count < 20 else { return nil }
            bytes.append(UInt8(scalar.value))
        }
        return bytes.count == 20 ? bytes : nil
    }

    /// 20 bytes as WebTorrent writes them.
    static func text(_ bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes { text.unicodeScalars.append(UnicodeScalar(byte)) }
        return text
    }
}
