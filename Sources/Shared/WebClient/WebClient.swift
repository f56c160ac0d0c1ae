package import NIOCore
import Synchronization
package import Vocabulary

/// An HTTP client over libcurl: one thread, connections kept alive, http and https only, no redirects.
///
/// Requests may come from any thread. What comes back is told on the event loop that the caller names, in order:
/// the head, bytes, and always exactly one end.
package final class WebClient: Sendable {
    private let engine: Engine

    package init() { engine = Engine.start() }

    deinit { engine.stop() }

    /// Ends every request with `.shutDown` and refuses new ones.
    package func shutdown() { engine.stop() }

    /// Like `shutdown`, and waits until every request has been told its end, so that event loops may end, too.
    package func shutdownAndWait() async {
        engine.stop()
        await engine.ended()
    }

    @discardableResult
    package func start(
        _ request: WebRequest, on eventLoop: any EventLoop,
        onHead: @escaping @Sendable (WebHead) -> Void = { _ in },
        onBytes: @escaping @Sendable (ByteBuffer) -> Void,
        onEnd: @escaping @Sendable (Result<WebAnswer, WebFailure>) -> Void
    ) -> WebTask {
        let task = WebTask(engine)
        engine.submit(
            request, task,
            Listener(
                head: { head in eventLoop.execute { if !task.isCanceled { onHead(head) } } },
                bytes: { bytes in
                    let buffer = ByteBuffer(bytes: bytes)
                    eventLoop.execute { if !task.isCanceled { onBytes(buffer) } }
                },
                end: { result in
                    eventLoop.execute { onEnd(task.isCanceled ? .failure(.canceled) : result) }
                }))
        return task
    }

    @discardableResult
    package func get(
        _ url: String, headers: [(String, String)] = [], range: Range<Int>? = nil, limit: Int, timeout: Interval,
        stallTimeout: Interval? = nil, on eventLoop: any EventLoop,
        onHead: @escaping @Sendable (WebHead) -> Void = { _ in },
        onBytes: @escaping @Sendable (ByteBuffer) -> Void,
        onEnd: @escaping @Sendable (Result<WebAnswer, WebFailure>) -> Void
    ) -> WebTask {
        start(
            WebRequest(
                url, headers: headers, range: range, limit: limit, timeout: timeout, stallTimeout: stallTimeout),
            on: eventLoop, onHead: onHead, onBytes: onBytes, onEnd: onEnd)
    }

    /// The whole answer at once.
    package func answer(to request: WebRequest) async throws(WebFailure) -> (head: WebHead, body: [UInt8]) {
        let task = WebTask(engine)
        let result: Result<(WebHead, [UInt8]), WebFailure> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let collected = Collected()
                engine.submit(
                    request, task,
                    Listener(
                        head: { _ in },
                        bytes: { bytes in collected.append(bytes) },
                        end: { result in
                            continuation.resume(returning: result.map { ($0.head, collected.take()) })
                        }))
            }
        } onCancel: {
            task.cancel()
        }
        return try result.get()
    }

    package func get(
        _ url: String, headers: [(String, String)] = [], range: Range<Int>? = nil, limit: Int,
        timeout: Interval = .seconds(10)
    ) async throws(WebFailure) -> (status: Int, body: [UInt8]) {
        let answer = try await answer(
            to: WebRequest(url, headers: headers, range: range, limit: limit, timeout: timeout))
        return (answer.head.status, answer.body)
    }

    package func post(
        _ url: String, headers: [(String, String)] = [], body: [UInt8], limit: Int, timeout: Interval = .seconds(10)
    ) async throws(WebFailure) -> (status: Int, body: [UInt8]) {
        let answer = try await answer(
            to: WebRequest(url, method: .post(body), headers: headers, limit: limit, timeout: timeout))
        return (answer.head.status, answer.body)
    }
}

/// A request under way.
package final class WebTask: Sendable {
    private let engine: Engine
    private let canceled = Atomic(false)

    init(_ engine: Engine) { self.engine = engine }

    package var isCanceled: Bool { canceled.load(ordering: .acquiring) }

    /// Nothing but the end is told after this; it says `.canceled`.
    package func cancel() {
        guard !canceled.exchange(true, ordering: .acquiringAndReleasing) else { return }
        engine.cancel(self)
    }
}

/// Whom the engine's thread tells about one request.
struct Listener: Sendable {
    let head: @Sendable (WebHead) -> Void
    let bytes: @Sendable (UnsafeRawBufferPointer) -> Void
    let end: @Sendable (Result<WebAnswer, WebFailure>) -> Void
}

/// A body that grows on the engine's thread and is taken by whoever resumes.
private final class Collected: Sendable {
    private let body = Mutex<[UInt8]>([])

    func append(_ bytes: UnsafeRawBufferPointer) { body.withLock { $0.append(contentsOf: bytes) } }

    func take() -> [UInt8] {
        body.withLock { body in
            defer { body = [] }
            return body
        }
    }
}
