package import Vocabulary

/// One HTTP request and the bounds of its answer.
package struct WebRequest: Sendable {
    package enum Method: Sendable {
        case get
        case post([UInt8])
    }

    package var url: String
    package var method: Method
    package var headers: [(String, String)]
    /// The bytes asked for; the caller checks that the answer is a 206 of just these.
    package var range: Range<Int>?
    /// More bytes of body than this end the request.
    package var limit: Int
    /// From the start to the last byte.
    package var timeout: Interval
    /// The longest silence between two arrivals of bytes, the wait for the first included.
    package var stallTimeout: Interval?
    /// The port that the connection leaves from, which has SO_REUSEPORT; it serves this request alone, and no proxy does.
    package var localPort: UInt16?

    package init(
        _ url: String, method: Method = .get, headers: [(String, String)] = [], range: Range<Int>? = nil, limit: Int,
        timeout: Interval, stallTimeout: Interval? = nil, localPort: UInt16? = nil
    ) {
        self.url = url
        self.method = method
        self.headers = headers
        self.range = range
        self.limit = limit
        self.timeout = timeout
        self.stallTimeout = stallTimeout
        self.localPort = localPort
    }
}

/// The status line and the header fields of an answer.
package struct WebHead: Sendable {
    package var status: Int
    /// In the order of arrival, names in lower case.
    package var headers: [(name: String, value: String)]

    package func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name == name }?.value
    }

    package var contentLength: Int? { header("content-length").flatMap(Self.number) }

    /// The bytes that a 206 says it holds, and the length of the whole, when it says so.
    package var contentRange: (bytes: Range<Int>, total: Int?)? {
        guard let value = header("content-range"), value.lowercased().hasPrefix("bytes ") else { return nil }
        let parts = value.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
            first <= last, last < Int.max
        else { return nil }
        return (first..<last + 1, Self.number(parts[1]))
    }

    /// Whether the answer holds exactly `range` of the resource, as a request with that range must be answered.
    package func isExactly(_ range: Range<Int>) -> Bool {
        guard status == 206, let contentRange, contentRange.bytes == range else { return false }
        return contentLength.map { $0 == range.count } ?? true
    }

    /// The seconds that a `Retry-After` asks for; a date is not understood.
    package var retryAfter: Int? { header("retry-after").flatMap(Self.number) }

    private static func number(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        return Int(text)
    }
}

/// How a request ended whose answer came whole, whatever its status.
package struct WebAnswer: Sendable {
    package var head: WebHead
    /// Bytes of body that came.
    package var length: Int
    /// From the start to the head.
    package var timeToHead: Interval
    /// From the start to the last byte.
    package var time: Interval
}

/// Why an answer did not come, or not whole.
package enum WebFailure: Error, Hashable, Sendable, CustomStringConvertible {
    case badRequest(String)
    case unreachable(String)
    case timedOut
    case stalled
    case tooLarge(limit: Int)
    case broken(String)
    case canceled
    case shutDown

    package var description: String {
        switch self {
        case .badRequest(let reason): "the request cannot be made: \(reason)"
        case .unreachable(let reason): "no connection: \(reason)"
        case .timedOut: "no answer in time"
        case .stalled: "the answer stalled"
        case .tooLarge(let limit): "the answer is longer than \(limit) bytes"
        case .broken(let reason): "the answer broke off: \(reason)"
        case .canceled: "canceled"
        case .shutDown: "the client is shut down"
        }
    }

    /// One word for counters.
    package var reason: String {
        switch self {
        case .badRequest: "bad_request"
        case .unreachable: "unreachable"
        case .timedOut: "timed_out"
        case .stalled: "stalled"
        case .tooLarge: "too_large"
        case .broken: "broken"
        case .canceled: "canceled"
        case .shutDown: "shut_down"
        }
    }
}
