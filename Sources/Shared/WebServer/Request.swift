package import NIOCore
import NIOHTTP1

/// One complete HTTP request.
package struct Request: Sendable {
    package let method: String
    /// The target before "?", as it was sent.
    package let path: String
    /// The target behind "?", as it was sent.
    package let rawQuery: Substring
    /// Percent-decoded; "+" is a space.
    package let query: [(name: String, value: String)]
    package let body: ByteBuffer
    /// Where the connection comes from.
    package let remote: SocketAddress?
    private let fields: HTTPHeaders

    init(head: HTTPRequestHead, target: Substring, body: ByteBuffer, remote: SocketAddress?) {
        // Byte by byte: to look for a character costs more than all else here.
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?"))
        method = head.method.rawValue
        path = String(target[..<(mark ?? target.endIndex)])
        rawQuery = mark.map { target[target.index(after: $0)...] } ?? ""
        query = mark == nil ? [] : Self.decode(query: rawQuery)
        self.body = body
        self.remote = remote
        fields = head.headers
    }

    /// The first value of the query item called `name`.
    package func query(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The first value of a header field, without surrounding white space.
    package func header(_ name: String) -> String? { headers(name).first }

    /// All values of a header field, in the order sent.
    package func headers(_ name: String) -> [String] { fields[name] }

    private static func decode(query: Substring) -> [(name: String, value: String)] {
        query.split(separator: "&").map { item in
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (decode(pair[0]), pair.count == 2 ? decode(pair[1]) : "")
        }
    }

    private static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                if rest.count >= 2, let high = digit(rest.first), let low = digit(rest.dropFirst().first) {
                    bytes.append(high << 4 | low)
                    rest = rest.dropFirst(2)
                } else {
                    bytes.append(byte)
                }
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ character: UInt8?) -> UInt8? {
        guard let character, let value = Character(UnicodeScalar(character)).hexDigitValue else { return nil }
        return UInt8(value)
    }
}
