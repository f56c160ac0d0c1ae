import CLibCurl
import Glibc
import NIOCore
import Synchronization
import Vocabulary

/// The thread that runs libcurl's multi interface, and the queue that leads to it.
///
/// Every handle belongs to the thread. Others reach it through the queue and `curl_multi_wakeup`, the one call that
/// libcurl allows from outside; the lock keeps it from a multi handle that is gone.
final class Engine: Sendable {
    private enum Order: Sendable {
        case submit(WebRequest, WebTask, Listener)
        case cancel(WebTask)
    }

    private struct Queue {
        var orders: [Order] = []
        var isStopping = false
        /// `nil` once the thread has ended.
        var multi: Handle?
        /// Who waits for the last request to end.
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let queue: Mutex<Queue>

    private init(_ multi: Handle?) { queue = Mutex(Queue(multi: multi)) }

    static func start() -> Engine {
        _ = globalInitialization
        let multi = curl_multi_init().map(Handle.init)
        let engine = Engine(multi)
        guard let multi else { return engine }
        let box = Unmanaged.passRetained(Launch(engine, multi))
        var thread = pthread_t()
        let failed = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let launch = Unmanaged<Launch>.fromOpaque(argument).takeRetainedValue()
                launch.engine.run(launch.multi)
                return nil
            }, box.toOpaque())
        guard failed == 0 else {
            box.release()
            engine.queue.withLock { $0.multi = nil }
            curl_multi_cleanup(multi.pointer)
            return engine
        }
        pthread_detach(thread)
        return engine
    }

    func submit(_ request: WebRequest, _ task: WebTask, _ listener: Listener) {
        if !enqueue(.submit(request, task, listener)) { listener.end(.failure(.shutDown)) }
    }

    func cancel(_ task: WebTask) { _ = enqueue(.cancel(task)) }

    func stop() {
        queue.withLock { queue in
            queue.isStopping = true
            if let multi = queue.multi { curl_multi_wakeup(multi.pointer) }
        }
    }

    /// Returns once every request has been told its end.
    func ended() async {
        await withCheckedContinuation { continuation in
            let hasEnded = queue.withLock { queue in
                if queue.multi != nil { queue.waiting.append(continuation) }
                return queue.multi == nil
            }
            if hasEnded { continuation.resume() }
        }
    }

    private func enqueue(_ order: Order) -> Bool {
        queue.withLock { queue in
            guard !queue.isStopping, let multi = queue.multi else { return false }
            queue.orders.append(order)
            curl_multi_wakeup(multi.pointer)
            return true
        }
    }

    // MARK: On the thread

    private func run(_ multi: Handle) {
        let multi = multi.pointer
        _ = curl_shim_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 64)
        _ = curl_shim_multi_set_long(multi, CURLMOPT_MAXCONNECTS, 32)
        var transfers: [UnsafeMutableRawPointer: Transfer] = [:]
        while true {
            let (orders, isStopping) = queue.withLock { queue in
                defer { queue.orders = [] }
                return (queue.orders, queue.isStopping)
            }
            for order in orders {
                switch order {
                case .submit(let request, let task, let listener):
                    add(Transfer(request, task, listener), to: multi, &transfers)
                case .cancel(let task):
                    for transfer in transfers.values where transfer.task === task {
                        finish(transfer, .failure(.canceled), multi, &transfers)
                    }
                }
            }
            if isStopping { break }

            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            collectEnded(multi, &transfers)
            let pause = stopStalled(multi, &transfers)
            curl_multi_poll(multi, nil, 0, pause, nil)
        }
        for transfer in transfers.values { finish(transfer, .failure(.shutDown), multi, &transfers) }
        let (orders, waiting) = queue.withLock { queue in
            queue.multi = nil
            defer { (queue.orders, queue.waiting) = ([], []) }
            return (queue.orders, queue.waiting)
        }
        for case .submit(_, _, let listener) in orders { listener.end(.failure(.shutDown)) }
        for continuation in waiting { continuation.resume() }
        curl_multi_cleanup(multi)
    }

    private func add(
        _ transfer: Transfer, to multi: UnsafeMutableRawPointer, _ transfers: inout [UnsafeMutableRawPointer: Transfer]
    ) {
        if transfer.task.isCanceled { return transfer.listener.end(.failure(.canceled)) }
        switch transfer.prepare() {
        case .success(let handle):
            transfers[handle] = transfer
            guard curl_multi_add_handle(multi, handle) == CURLM_OK else {
                return finish(transfer, .failure(.badRequest("libcurl refuses it")), multi, &transfers)
            }
        case .failure(let failure): transfer.listener.end(.failure(failure))
        }
    }

    private func collectEnded(
        _ multi: UnsafeMutableRawPointer, _ transfers: inout [UnsafeMutableRawPointer: Transfer]
    ) {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle,
                let transfer = transfers[handle]
            else { continue }
            finish(transfer, transfer.result(message.pointee.data.result), multi, &transfers)
        }
    }

    /// Ends the requests that have been silent for too long; returns how many milliseconds may pass without a look.
    private func stopStalled(
        _ multi: UnsafeMutableRawPointer, _ transfers: inout [UnsafeMutableRawPointer: Transfer]
    ) -> Int32 {
        let now = NIODeadline.now()
        var pause: Int64 = 1_000
        for transfer in transfers.values {
            guard let deadline = transfer.stallDeadline else { continue }
            if deadline <= now {
                finish(transfer, .failure(.stalled), multi, &transfers)
            } else {
                pause = min(pause, (deadline - now).nanoseconds / 1_000_000 + 1)
            }
        }
        return Int32(pause)
    }

    private func finish(
        _ transfer: Transfer, _ result: Result<WebAnswer, WebFailure>, _ multi: UnsafeMutableRawPointer,
        _ transfers: inout [UnsafeMutableRawPointer: Transfer]
    ) {
        if let handle = transfer.handle {
            transfers[handle] = nil
            curl_multi_remove_handle(multi, handle)
            transfer.release()
        }
        transfer.listener.end(result)
    }

    private static let globalInitialization: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
}

/// Sendable because outside the engine's thread it is only woken, under the queue's lock.
private struct Handle: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer

    init(_ pointer: UnsafeMutableRawPointer) { self.pointer = pointer }
}

private final class Launch: Sendable {
    let engine: Engine
    let multi: Handle

    init(_ engine: Engine, _ multi: Handle) {
        self.engine = engine
        self.multi = multi
    }
}
