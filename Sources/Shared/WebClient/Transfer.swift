import CLibCurl
import NIOCore
import Vocabulary

/// One request on the engine's thread: its libcurl handle and what has come so far.
final class Transfer {
    let request: WebRequest
    let task: WebTask
    let listener: Listener
    private(set) var handle: UnsafeMutableRawPointer?
    private var fields: UnsafeMutablePointer<curl_slist>?

    private let start = NIODeadline.now()
    private var lastArrival = NIODeadline.now()
    private var incoming = WebHead(status: 0, headers: [])
    private var incomingLength = 0
    private var head: WebHead?
    private var timeToHead = Interval.zero
    private var length = 0
    /// Why a callback has stopped the transfer, which libcurl reports only as a write error.
    private var complaint: WebFailure?

    private static let headLimit = 32 << 10

    init(_ request: WebRequest, _ task: WebTask, _ listener: Listener) {
        self.request = request
        self.task = task
        self.listener = listener
    }

    var stallDeadline: NIODeadline? {
        request.stallTimeout.map { lastArrival + .nanoseconds($0.nanoseconds) }
    }

    /// Makes the handle; the engine releases it.
    func prepare() -> Result<UnsafeMutableRawPointer, WebFailure> {
        guard let handle = curl_easy_init() else { return .failure(.badRequest("no libcurl handle")) }
        self.handle = handle
        guard setUp(handle) else {
            release()
            return .failure(.badRequest("\"\(request.url)\" or its header fields are not acceptable"))
        }
        return .success(handle)
    }

    func release() {
        if let handle { curl_easy_cleanup(handle) }
        handle = nil
        curl_slist_free_all(fields)
        fields = nil
    }

    func result(_ code: CURLcode) -> Result<WebAnswer, WebFailure> {
        if let complaint { return .failure(complaint) }
        let reason = String(cString: curl_easy_strerror(code))
        switch code {
        case CURLE_OK:
            guard let head else { return .failure(.broken("no status line")) }
            return .success(
                WebAnswer(head: head, length: length, timeToHead: timeToHead, time: Self.interval(since: start)))
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: return .failure(.badRequest(reason))
        case CURLE_OPERATION_TIMEDOUT: return .failure(.timedOut)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT,
            CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION:
            return .failure(.unreachable(reason))
        default: return .failure(.broken(reason))
        }
    }

    // MARK: Setting up

    private func setUp(_ handle: UnsafeMutableRawPointer) -> Bool {
        let schemes = "http,https"
        let milliseconds = Int(max(1, min(request.timeout.milliseconds, 86_400_000)))
        guard request.limit >= 0, !request.url.utf8.contains(where: { $0 <= 32 || $0 >= 127 }),
            set(handle, CURLOPT_URL, request.url),
            set(handle, CURLOPT_PROTOCOLS_STR, schemes),
            set(handle, CURLOPT_USERAGENT, "tributary/1"),
            set(handle, CURLOPT_FOLLOWLOCATION, 0),
            set(handle, CURLOPT_NOSIGNAL, 1),
            set(handle, CURLOPT_TCP_NODELAY, 1),
            set(handle, CURLOPT_BUFFERSIZE, 128 << 10),
            set(handle, CURLOPT_CONNECTTIMEOUT_MS, min(milliseconds, 10_000)),
            set(handle, CURLOPT_TIMEOUT_MS, milliseconds)
        else { return false }
        // A proxy of the environment is for the world outside, never for this machine.
        if Self.isLoopback(request.url), !set(handle, CURLOPT_PROXY, "") { return false }
        if let port = request.localPort {
            // The server is asked to close, so that the port does not wait for late packets at this end (TIME_WAIT).
            guard set(handle, CURLOPT_LOCALPORT, Int(port)), curl_shim_share_port(handle) == CURLE_OK,
                set(handle, CURLOPT_FRESH_CONNECT, 1), set(handle, CURLOPT_FORBID_REUSE, 1),
                set(handle, CURLOPT_PROXY, ""), appendField("Connection: close")
            else { return false }
        }
        if let range = request.range {
            guard range.lowerBound >= 0, !range.isEmpty,
                set(handle, CURLOPT_RANGE, "\(range.lowerBound)-\(range.upperBound - 1)")
            else { return false }
        }
        if case .post(let body) = request.method {
            // An empty Expect spares the round trip of "100-continue".
            guard appendField("Expect:"), set(handle, CURLOPT_POST, 1), set(handle, CURLOPT_POSTFIELDSIZE, body.count)
            else { return false }
            let copied = body.withUnsafeBytes { bytes in
                // An empty body still needs an address, or libcurl would ask for a read callback.
                withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { spare in
                    curl_shim_set_pointer(
                        handle, CURLOPT_COPYPOSTFIELDS,
                        UnsafeMutableRawPointer(mutating: bytes.baseAddress) ?? spare.baseAddress)
                }
            }
            guard copied == CURLE_OK else { return false }
        }
        for (name, value) in request.headers {
            guard !(name + value).utf8.contains(where: { $0 < 32 || $0 == 127 }), !name.isEmpty,
                appendField(value.isEmpty ? "\(name);" : "\(name): \(value)")
            else { return false }
        }
        if let fields, curl_shim_set_pointer(handle, CURLOPT_HTTPHEADER, fields) != CURLE_OK { return false }
        return setCallbacks(handle)
    }

    private func setCallbacks(_ handle: UnsafeMutableRawPointer) -> Bool {
        // Unretained: the engine keeps the transfer for as long as the handle lives.
        let me = Unmanaged.passUnretained(self).toOpaque()
        let onField: curl_shim_write = { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
            return transfer.receiveField(line) ? size * count : 0
        }
        let onBody: curl_shim_write = { bytes, size, count, context in
            guard let context else { return 0 }
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            let body = UnsafeRawBufferPointer(start: bytes, count: size * count)
            return transfer.receiveBody(body) ? size * count : 0
        }
        return curl_shim_set_pointer(handle, CURLOPT_HEADERDATA, me) == CURLE_OK
            && curl_shim_set_write(handle, CURLOPT_HEADERFUNCTION, onField) == CURLE_OK
            && curl_shim_set_pointer(handle, CURLOPT_WRITEDATA, me) == CURLE_OK
            && curl_shim_set_write(handle, CURLOPT_WRITEFUNCTION, onBody) == CURLE_OK
    }

    private func set(_ handle: UnsafeMutableRawPointer, _ option: CURLoption, _ value: Int) -> Bool {
        curl_shim_set_long(handle, option, value) == CURLE_OK
    }

    private func set(_ handle: UnsafeMutableRawPointer, _ option: CURLoption, _ value: String) -> Bool {
        curl_shim_set_string(handle, option, value) == CURLE_OK
    }

    private func appendField(_ line: String) -> Bool {
        guard let longer = curl_slist_append(fields, line) else { return false }
        fields = longer
        return true
    }

    private static func isLoopback(_ url: String) -> Bool {
        let host = url.drop { $0 != "/" }.drop { $0 == "/" }.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        return host.hasPrefix("127.") || host.hasPrefix("[::1]") || host == "localhost" || host.hasPrefix("localhost:")
    }

    // MARK: Receiving

    /// Takes one line of a head; a blank one ends it.
    private func receiveField(_ bytes: UnsafeRawBufferPointer) -> Bool {
        lastArrival = .now()
        incomingLength += bytes.count
        guard incomingLength <= Self.headLimit else {
            complaint = .tooLarge(limit: Self.headLimit)
            return false
        }
        let line = String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline }
        if line.hasPrefix("HTTP/") {
            incoming = WebHead(status: 0, headers: [])
            let words = line.split(separator: " ", maxSplits: 2)
            incoming.status = words.count > 1 ? Int(words[1]) ?? 0 : 0
            return true
        }
        if !line.isEmpty {
            guard let colon = line.firstIndex(of: ":") else { return true }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            incoming.headers.append((line[..<colon].lowercased(), String(value)))
            return true
        }
        guard incoming.status >= 200, head == nil else { return true }
        if let promised = incoming.contentLength, promised > request.limit {
            complaint = .tooLarge(limit: request.limit)
            return false
        }
        head = incoming
        timeToHead = Self.interval(since: start)
        listener.head(incoming)
        return true
    }

    private func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        lastArrival = .now()
        guard bytes.count <= request.limit - length else {
            complaint = .tooLarge(limit: request.limit)
            return false
        }
        length += bytes.count
        if !bytes.isEmpty { listener.bytes(bytes) }
        return true
    }

    private static func interval(since start: NIODeadline) -> Interval {
        Interval(nanoseconds: (NIODeadline.now() - start).nanoseconds)
    }
}
