/// What a viewer needs to watch: what to trust and where to ask, written as a magnet link.
///
/// `magnet:?xs=urn:btpk:<64 hex>&dn=<title>&tr=<tracker url>&ws=<origin base url>`
package struct MagnetLink: Hashable, Sendable {
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        case notMagnet
        case noBroadcast
        case badBroadcast(String)
        case noOrigin
        case badURL(String)

        package var description: String {
            switch self {
            case .notMagnet: "the link does not start with \"magnet:?\""
            case .noBroadcast: "the link names no broadcast: it has no xs=urn:btpk:<64 hexadecimal digits>"
            case .badBroadcast(let text): "\"\(text)\" is no broadcast id: it needs 64 hexadecimal digits"
            case .noOrigin: "the link names no origin: it has no ws=http://..."
            case .badURL(let text): "\"\(text)\" is no http, https or udp address"
            }
        }
    }

    package var broadcast: BroadcastID
    package var title: String
    /// `udp://host:port` or `http(s)://host:port`, in the order of preference.
    package var trackers: [String]
    /// Base URLs without a slash at the end, in the order of preference.
    package var origins: [String]

    package init(broadcast: BroadcastID, title: String, trackers: [String], origins: [String]) {
        self.broadcast = broadcast
        self.title = title
        self.trackers = trackers
        self.origins = origins
    }

    package init(parsing text: String) throws(Failure) {
        let prefix = "magnet:?"
        guard text.utf8.count <= 8_192, text.lowercased().hasPrefix(prefix) else { throw .notMagnet }
        var broadcast: BroadcastID?
        title = ""
        trackers = []
        origins = []
        for field in text.dropFirst(prefix.count).split(separator: "&") {
            let pair = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, let value = Self.decode(pair[1]) else { continue }
            switch pair[0] {
            case "xs":
                let scheme = "urn:btpk:"
                guard value.hasPrefix(scheme) else { continue }
                let digits = String(value.dropFirst(scheme.count))
                guard let id = BroadcastID(hex: digits) else { throw .badBroadcast(digits) }
                broadcast = id
            case "dn": title = value
            case "tr": trackers.append(try Self.checked(value, schemes: ["udp://", "http://", "https://"]))
            case "ws": origins.append(try Self.checked(value, schemes: ["http://", "https://"]))
            default: continue
            }
        }
        guard let broadcast else { throw .noBroadcast }
        guard !origins.isEmpty else { throw .noOrigin }
        self.broadcast = broadcast
    }

    private static func checked(_ url: String, schemes: [String]) throws(Failure) -> String {
        guard schemes.contains(where: { url.hasPrefix($0) && url.utf8.count > $0.utf8.count }),
            url.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
        else { throw .badURL(url) }
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard rest.count >= 2,
                    let decoded = Hexadecimal.decode(String(decoding: rest.prefix(2), as: UTF8.self))
                else { return nil }
                bytes += decoded
                rest = rest.dropFirst(2)
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func encode(_ text: String) -> String {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/".utf8)
        return text.utf8.reduce(into: "") { result, byte in
            result += plain.contains(byte) ? String(UnicodeScalar(byte)) : "%" + Hexadecimal.encode([byte]).uppercased()
        }
    }
}

extension MagnetLink: CustomStringConvertible {
    package var description: String {
        var fields = ["xs=urn:btpk:\(broadcast)"]
        if !title.isEmpty { fields.append("dn=" + Self.encode(title)) }
        fields += trackers.map { "tr=" + Self.encode($0) }
        fields += origins.map { "ws=" + Self.encode($0) }
        return "magnet:?" + fields.joined(separator: "&")
    }
}
