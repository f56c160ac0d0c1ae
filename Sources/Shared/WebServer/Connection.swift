import NIOCore
import NIOHTTP1

/// One client's connection: assembles requests, answers them in order, one at a time.
///
/// While an answer is under way, requests that come after it wait in `queue`, and nothing more is read from the
/// socket once one waits; so a client can make the server hold one socket read's worth of requests and no more.
/// A request that breaks a limit is queued as a refusal: earlier ones are answered, it gets its status, and the
/// connection ends.
final class Connection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = IOData

    private enum Turn {
        case request(Request, isHead: Bool, isKeepAlive: Bool, isHTTP10: Bool)
        case refusal(MalformedRequest)
    }

    /// What is still to be written of a body.
    private enum Rest {
        case bytes(ByteBuffer)
        case kept(KeptBytes, Range<Int>)
    }

    private enum Wait { case firstByte, head, body, reader, farewell }

    private let limits: ServerLimits
    private let malformed: MalformedRequests
    private let handler: Server.Handler
    private let noteBusy: (_ isBusy: Bool) -> Void
    private var context: ChannelHandlerContext?
    /// The handlers of HTTP before this one.
    var forerunners: [any RemovableChannelHandler] = []

    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var queue = CircularBuffer<Turn>()
    private var isRefusing = false
    private var isReadWithheld = false

    private var isAnswering = false
    private var keepsAlive = true
    private var writer: ResponseWriter?
    private var rest: Rest?
    private var escort: (any Escort)?
    private var arrival: Arrival?
    private var isPumping = false

    private var deadline: (at: NIODeadline, wait: Wait)?
    private var noted = NIODeadline.uptimeNanoseconds(0)
    private var alarm: (at: NIODeadline, task: Scheduled<Void>)?

    init(
        limits: ServerLimits, malformed: MalformedRequests, handler: @escaping Server.Handler,
        noteBusy: @escaping (_ isBusy: Bool) -> Void
    ) {
        self.limits = limits
        self.malformed = malformed
        self.handler = handler
        self.noteBusy = noteBusy
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { wait(.firstByte) }
    }

    func channelActive(context: ChannelHandlerContext) {
        wait(.firstByte)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        context = nil
        // They hold us, too.
        forerunners = []
        rest = nil
        queue.removeAll()
        deadline = nil
        alarm?.task.cancel()
        alarm = nil
        let writer = self.writer
        self.writer = nil
        writer?.closed()
        escort?.ended(isWhole: false)
        escort = nil
        arrival?.end()
        arrival = nil
    }

    func read(context: ChannelHandlerContext) {
        if queue.isEmpty {
            context.read()
        } else {
            isReadWithheld = true
        }
    }

    // MARK: Requests

    /// Bytes of any kind have come, before they are parsed.
    func bytesArrived() {
        if deadline?.wait == .firstByte { wait(.head) }
    }

    /// Nothing has come since the last answer, if there was one, and the client has taken that.
    var isIdle: Bool { deadline?.wait == .firstByte && !isAnswering && isWritable }

    /// A request was answered that never came here; so this is no silent connection.
    func answeredElsewhere() {
        guard !isAnswering else { return }
        waitForMore()
        // Among silent connections a second more or less decides nothing, and saying so takes a lock.
        guard let deadline, deadline.at - noted >= .seconds(1) else { return }
        noted = deadline.at
        noteBusy(false)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefusing else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head)
        case .body(var bytes):
            guard head != nil else { return }
            guard body.readableBytes + bytes.readableBytes <= limits.body else { return refuse(.bodyTooLarge) }
            body.writeBuffer(&bytes)
        case .end: complete()
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        guard head.uri.utf8.count <= limits.target else { return refuse(.targetTooLong) }
        if let length = head.headers.first(name: "content-length") {
            guard let length = Int(length), length >= 0 else { return refuse(.syntax) }
            guard length <= limits.body else { return refuse(.bodyTooLarge) }
        }
        self.head = head
        body = ByteBuffer()
        if !isAnswering { wait(.body) }
        // Meanwhile this would come out in the middle of another answer; without it the client sends after a moment.
        if head.headers.first(name: "expect")?.lowercased() == "100-continue", !isAnswering {
            write(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
            flush()
        }
    }

    private func complete() {
        guard let head else { return }
        self.head = nil
        guard let target = Self.target(of: head) else { return refuse(.target) }
        guard queue.count < limits.pipeline else { return refuse(.pipelineTooDeep) }
        let request = Request(head: head, target: target, body: body, remote: context?.channel.remoteAddress)
        body = ByteBuffer()
        // The decoder stops reading at anything that could be an upgrade, so nothing after it would be answered.
        let isLast = head.method == .CONNECT || head.headers.contains(name: "upgrade")
        queue.append(
            .request(
                request, isHead: head.method == .HEAD, isKeepAlive: head.isKeepAlive && !isLast,
                isHTTP10: head.version.minor == 0))
        takeTurn()
    }

    /// The path and query of an origin-form or absolute-form target (RFC 9112, section 3.2).
    private static func target(of head: HTTPRequestHead) -> Substring? {
        let uri = head.uri[...]
        if uri.hasPrefix("/") || uri == "*" { return uri }
        guard uri.lowercased().hasPrefix("http://") else { return nil }
        let rest = uri.dropFirst("http://".count)
        let path = rest.firstIndex(of: "/") ?? rest.endIndex
        // Two names for one server: a check of the Host field would see only one of them.
        guard head.headers["host"].allSatisfy({ $0.lowercased() == rest[..<path].lowercased() }) else { return nil }
        return path == rest.endIndex ? "/" : rest[path...]
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error as? HTTPParserError {
        case .headerOverflow: refuse(.headersTooLarge)
        case .invalidEOFState:
            if !isRefusing { malformed.count(.truncated) }
            context.close(promise: nil)
        case .some: refuse(.syntax)
        case nil: context.close(promise: nil)
        }
    }

    private func refuse(_ reason: MalformedRequest) {
        guard !isRefusing, context != nil else { return }
        isRefusing = true
        head = nil
        body = ByteBuffer()
        malformed.count(reason)
        queue.append(.refusal(reason))
        takeTurn()
    }

    // MARK: Answers

    private func takeTurn() {
        guard !isAnswering, let context, let turn = queue.popFirst() else { return }
        isAnswering = true
        deadline = nil
        switch turn {
        case .refusal(let reason):
            keepsAlive = false
            let text = HTTPResponseStatus(statusCode: reason.status).reasonPhrase + "\n"
            answer(Response(status: reason.status, text: text), isHead: false, isHTTP10: false)
        case .request(let request, let isHead, let isKeepAlive, let isHTTP10):
            keepsAlive = isKeepAlive
            noteBusy(true)
            handler(request, context.eventLoop).hop(to: context.eventLoop).assumeIsolated().whenComplete { result in
                let response = (try? result.get()) ?? Response(status: 500, text: "Internal Server Error\n")
                self.answer(response, isHead: isHead, isHTTP10: isHTTP10)
            }
        }
    }

    private func answer(_ response: Response, isHead: Bool, isHTTP10: Bool) {
        guard let context else {
            response.escort?.ended(isWhole: false)
            return
        }
        escort = response.escort
        escort?.began { [channel = context.channel] rate in
            // Not bounded is a number to the system, too.
            let value = rate.map { SocketOptionValue(clamping: $0) } ?? -1
            (channel as? any SocketOptionProvider)?.unsafeSetSocketOption(
                level: .socket, name: Self.pacing, value: value
            ).whenComplete { _ in }
        }
        let isBodiless = (100...199).contains(response.status) || response.status == 204 || response.status == 304
        let isChunked = !isBodiless && response.length == nil && !isHTTP10
        if response.length == nil, isHTTP10, !isHead { keepsAlive = false }

        var bytes = ByteBufferAllocator().buffer(capacity: 512)
        bytes.writeHead(status: response.status, response.headers)
        if !isBodiless, let length = response.length { bytes.writeString("content-length: \(length)\r\n") }
        if isChunked { bytes.writeString("transfer-encoding: chunked\r\n") }
        if response.status == 101 {
            // Says itself what becomes of the connection.
        } else if !keepsAlive {
            bytes.writeString("connection: close\r\n")
        } else if isHTTP10 {
            bytes.writeString("connection: keep-alive\r\n")
        }
        bytes.writeString("\r\n")
        if case .kept(let body, let range) = response.body, !isHead, !isBodiless { return begin(bytes, body, range) }
        write(bytes)

        if case .upgrade(let install) = response.body, response.status == 101 { return leave(context, to: install) }
        if isHead || isBodiless { return answered() }
        switch response.body {
        case .none, .upgrade, .kept: answered()
        case .bytes(let body):
            rest = .bytes(body)
            pump()
        case .stream(let length, let stream):
            flush()
            if !isWritable, deadline == nil { wait(.reader) }
            let writer = ResponseWriter(self, eventLoop: context.eventLoop, length: length, isChunked: isChunked)
            self.writer = writer
            stream(writer)
        }
    }

    /// Answers a request that never came here with all that is kept.
    func answer(_ kept: KeptBytes) {
        isAnswering = true
        keepsAlive = true
        deadline = nil
        noteBusy(true)
        begin(kept.head, kept, 0..<kept.count)
    }

    /// Begins an answer with a body that is kept: past NIO, if that has nothing to send, and leaves to it what the socket
    /// does not take at once.
    private func begin(_ head: ByteBuffer, _ body: KeptBytes, _ range: Range<Int>) {
        var (head, range) = (head, range)
        if let context, (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) == 0 {
            _ = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
                body.pass(&head, &range, to: $0)
            }
        }
        if head.readableBytes > 0 { write(head) }
        rest = .kept(body, range)
        pump()
    }

    /// Takes HTTP out of the pipeline. The connection counts as busy from now on.
    private func leave(_ context: ChannelHandlerContext, to install: @escaping @Sendable (any Channel) throws -> Void) {
        flush()
        let channel = context.channel
        let pipeline = channel.pipeline.syncOperations
        let removed = forerunners.map { pipeline.removeHandler($0) } + [pipeline.removeHandler(self)]
        EventLoopFuture.andAllSucceed(removed, on: channel.eventLoop).assumeIsolated().whenComplete { result in
            do {
                try result.get()
                try install(channel)
            } catch { channel.close(promise: nil) }
        }
    }

    /// SO_MAX_PACING_RATE of socket(7), which NIO does not name.
    private static let pacing = NIOBSDSocket.Option(rawValue: 47)

    /// Bytes of a body that are written at a time; a reader that takes them is no silent one.
    private static let portion = 1 << 20

    /// Writes what the connection takes of a body that lies in memory.
    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        while isWritable, let left = rest, let context {
            switch left {
            case .bytes(var bytes):
                let slice = bytes.readSlice(length: min(bytes.readableBytes, Self.portion))
                rest = bytes.readableBytes > 0 ? .bytes(bytes) : nil
                if let slice { write(slice) }
            case .kept(let bytes, let range):
                let end = min(range.upperBound, range.lowerBound + Self.portion)
                rest = end < range.upperBound ? .kept(bytes, end..<range.upperBound) : nil
                if !range.isEmpty { bytes.write(range.lowerBound..<end, to: context) }
            }
            if rest == nil { return answered() }
            flush()
        }
        // It may have been full before this answer began.
        if rest != nil, deadline == nil { wait(.reader) }
    }

    /// The answer is written in full.
    func answered() {
        flush()
        writer = nil
        isAnswering = false
        guard let context else { return }
        if let escort {
            self.escort = nil
            let arrival = self.arrival ?? Arrival(on: context.channel)
            self.arrival = arrival
            arrival.wait(escort)
        }
        guard keepsAlive else {
            noteBusy(false)
            return sayFarewell()
        }
        takeTurn()
        guard !isAnswering else { return }
        noteBusy(false)
        waitForMore()
        if isReadWithheld {
            isReadWithheld = false
            context.read()
        }
    }

    /// Ends our side, then takes in what the client still sends: closing at once would reset the connection and
    /// could destroy the answer before it is read.
    private func sayFarewell() {
        isAnswering = true
        isRefusing = true
        queue.removeAll()
        wait(.farewell)
        context?.close(mode: .output, promise: nil)
        isReadWithheld = false
        context?.read()
    }

    func abort() {
        writer = nil
        context?.close(promise: nil)
    }

    // MARK: Socket

    var isWritable: Bool { context?.channel.isWritable ?? false }

    func write(_ bytes: ByteBuffer) { context?.write(wrapOutboundOut(.byteBuffer(bytes)), promise: nil) }

    func flush() { context?.flush() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            if deadline?.wait == .reader {
                deadline = nil
                if !isAnswering { waitForMore() }
            }
            if rest == nil { writer?.writabilityChanged() } else { pump() }
        } else if deadline?.wait != .farewell {
            wait(.reader)
        }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Time

    /// Nothing is under way: the next request may come, when the client has taken what was answered.
    private func waitForMore() { wait(!isWritable ? .reader : head == nil ? .firstByte : .body) }

    private func wait(_ wait: Wait) {
        guard let context else { return }
        let time: TimeAmount =
            switch wait {
            case .head: limits.header
            case .firstByte, .body, .reader: limits.idle
            case .farewell: .seconds(2)
            }
        let at = NIODeadline.now() + time
        deadline = (at, wait)
        if let alarm, alarm.at <= at { return }
        alarm?.task.cancel()
        arm(at, context)
    }

    /// One timer for the connection's life: it goes off at the earliest time that anything needed, looks what is
    /// needed now, and sleeps again.
    private func arm(_ at: NIODeadline, _ context: ChannelHandlerContext) {
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: at) { self.goOff() }
        alarm = (at, task)
    }

    private func goOff() {
        alarm = nil
        guard let context, let deadline else { return }
        guard deadline.at <= .now() else { return arm(deadline.at, context) }
        self.deadline = nil
        switch deadline.wait {
        case .firstByte, .farewell: context.close(promise: nil)
        case .head: refuse(.headTimeout)
        case .body: refuse(.bodyTimeout)
        case .reader:
            malformed.count(.stalled)
            context.close(promise: nil)
        }
    }
}

/// Tells the connection that bytes have come, so that a head's time runs from its first byte.
final class FirstByte: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.bytesArrived()
        context.fireChannelRead(data)
    }
}
