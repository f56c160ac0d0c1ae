import Dispatch
import NIOCore
import Synchronization
import TrackerDirectory

/// The one thread that may touch the directory. What has gathered while it waited for the disk is done and committed
/// together, and answered only then, so that one wait serves everybody who came meanwhile.
// Unchecked because the directory is confined to `queue`.
final class DirectoryDesk: @unchecked Sendable {
    /// Why a task was not even begun.
    struct Busy: Error {}

    /// What is to be done, and what is to be told once that is durable or has failed.
    private struct Task: Sendable {
        var body: @Sendable (BroadcastDirectory) -> @Sendable (DirectoryFailure?) -> Void
        var fail: @Sendable (DirectoryFailure) -> Void
    }

    private struct State {
        var tasks: [Task] = []
        var isDraining = false
        var failure: DirectoryFailure?
    }

    /// Tasks that wait; a search takes milliseconds.
    private static let limit = 2_048

    private let queue = DispatchQueue(label: "tracker-directory")
    private let directory: BroadcastDirectory
    private let state = Mutex(State())

    init(_ directory: BroadcastDirectory) { self.directory = directory }

    /// What the disk said last time, if it was no success.
    var failure: DirectoryFailure? { state.withLock { $0.failure } }

    /// Runs `body` on the directory's thread and, once all that it changed is durable, `done` there too.
    func perform<Result: Sendable>(
        _ body: @escaping @Sendable (BroadcastDirectory) throws -> Result,
        then done: @escaping @Sendable (Swift.Result<Result, any Error>) -> Void
    ) {
        let isTaken = state.withLock { state in
            guard state.tasks.count < Self.limit else { return false }
            state.tasks.append(
                Task(
                    body: { directory in
                        do {
                            let result = try body(directory)
                            return { failure in done(failure.map { .failure($0) } ?? .success(result)) }
                        } catch { return { _ in done(.failure(error)) } }
                    }, fail: { done(.failure($0)) }))
            if !state.isDraining {
                state.isDraining = true
                queue.async { self.drain() }
            }
            return true
        }
        if !isTaken { done(.failure(Busy())) }
    }

    func perform<Result: Sendable>(
        on eventLoop: any EventLoop, _ body: @escaping @Sendable (BroadcastDirectory) throws -> Result
    ) -> EventLoopFuture<Result> {
        let promise = eventLoop.makePromise(of: Result.self)
        perform(body) { promise.completeWith($0) }
        return promise.futureResult
    }

    private func drain() {
        while true {
            let tasks = state.withLock { state in
                let tasks = state.tasks
                state.tasks = []
                if tasks.isEmpty { state.isDraining = false }
                return tasks
            }
            guard !tasks.isEmpty else { return }
            var endings: [@Sendable (DirectoryFailure?) -> Void] = []
            do throws(DirectoryFailure) {
                try directory.together { endings = tasks.map { $0.body(directory) } }
                state.withLock { $0.failure = nil }
                for ending in endings { ending(nil) }
            } catch {
                state.withLock { $0.failure = error }
                // Without endings, not even a transaction could be begun.
                if endings.isEmpty { for task in tasks { task.fail(error) } }
                for ending in endings { ending(error) }
            }
        }
    }
}
