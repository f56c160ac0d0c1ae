import Foundation
import Glibc
import Synchronization
package import Vocabulary

/// A child process: one of ours, or a tool such as ffmpeg.
///
/// One thread belongs to it: it starts the child, reads what it writes, and collects its end. The kernel kills the
/// child when that thread is gone, so no child outlives this process, however it ends.
package final class Program: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    package enum End: Sendable, Hashable {
        case exited(Int32)
        case killed(Int32)
    }

    private struct State {
        var pid: pid_t = 0
        var events: [JSON] = []
        var output: [UInt8] = []
        var complaints: [UInt8] = []
        var end: End?
    }

    package let name: String
    private let path: String
    private let arguments: [String]
    private let enter: (@Sendable () -> Bool)?
    private let state = Mutex(State())

    private static let spawning = Mutex(())
    private static let keptOutput = 1 << 20
    private static let keptComplaints = 64 << 10
    private static let keptEvents = 4_096

    /// Starts it; it is running when this returns.
    ///
    /// - Parameter enter: moves the thread that starts it to where it shall run, such as a network namespace.
    package init(
        _ path: String, _ arguments: [String], name: String? = nil, inside enter: (@Sendable () -> Bool)? = nil
    ) throws(Failure) {
        self.path = path
        self.arguments = arguments
        self.enter = enter
        self.name = name ?? String(path.split(separator: "/").last ?? "")
        try start()
    }

    deinit { signal(SIGKILL) }

    /// The folder of the program that is running, where the others are built too.
    package static var ownFolder: String {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "./."
        return String(path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/"))
    }

    package var pid: Int32 { state.withLock { $0.pid } }
    package var end: End? { state.withLock { $0.end } }
    package var isRunning: Bool { end == nil }

    /// The JSON lines that it has written so far, the oldest of very many left out.
    package var events: [JSON] { state.withLock { $0.events } }

    /// What it has written to standard output, at most the last MiB.
    package var output: [UInt8] { state.withLock { $0.output } }

    /// The end of what it has written to standard error.
    package var complaints: String { state.withLock { String(decoding: $0.complaints, as: UTF8.self) } }

    package func newest(_ event: String) -> JSON? {
        state.withLock { state in state.events.last { $0["event"]?.text == event } }
    }

    package func signal(_ number: Int32) {
        state.withLock { state in
            // The child is collected under the lock, so its id cannot belong to another process yet.
            if state.end == nil, state.pid > 0 { _ = Glibc.kill(state.pid, number) }
        }
    }

    /// Asks it to stop and kills it when it does not within `grace`.
    @discardableResult
    package func stop(within grace: Interval = .seconds(5)) async -> End? {
        signal(SIGTERM)
        if await !holds(within: grace, { self.end != nil }) {
            signal(SIGKILL)
            _ = await holds(within: .seconds(5)) { self.end != nil }
        }
        return end
    }

    /// Waits for its first event of that name.
    package func event(_ event: String, within bound: Interval) async throws -> JSON {
        _ = await holds(within: bound) { self.newest(event) != nil || !self.isRunning }
        if let found = newest(event) { return found }
        let fate = end.map { "it ended (\($0))" } ?? "nothing came within \(bound.seconds) s"
        throw Failure(description: "\(name) did not say \"\(event)\": \(fate). \(complaints.suffix(2_000))")
    }

    /// Waits for its end.
    package func ended(within bound: Interval) async throws -> End {
        _ = await holds(within: bound) { self.end != nil }
        guard let end else {
            throw Failure(description: "\(name) did not end within \(bound.seconds) s")
        }
        return end
    }

    // MARK: The thread

    private func start() throws(Failure) {
        let launch = Launch()
        let box = Unmanaged.passRetained(launch)
        launch.body = { [weak self, path, arguments, enter] in
            if let enter, !enter() { return launch.report("\(path) does not get to where it shall run") }
            // One at a time: a child started by another thread between pipe() and FD_CLOEXEC would keep our pipe open.
            let started = Self.spawning.withLock { _ -> (Pipes, pid_t)? in
                guard let pipes = Pipes() else { return nil }
                guard let pid = Self.spawn(path, arguments, pipes) else {
                    pipes.closeAll()
                    return nil
                }
                pipes.closeWriters()
                return (pipes, pid)
            }
            guard let (pipes, pid) = started else {
                return launch.report("\(path) does not start: \(String(cString: strerror(errno)))")
            }
            self?.state.withLock { $0.pid = pid }
            launch.report(nil)
            Self.read(pipes) { bytes, isOutput in self?.receive(bytes, isOutput) }
            pipes.closeReaders()
            Self.awaitEnd(of: pid)
            guard let self else {
                _ = waitpid(pid, nil, 0)
                return
            }
            state.withLock { state in
                var status: Int32 = 0
                _ = waitpid(pid, &status, 0)
                state.end = status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .killed(status & 0x7f)
            }
        }
        var thread = pthread_t()
        let failed = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Launch>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        guard failed == 0 else {
            box.release()
            throw Failure(description: "no thread for \(path)")
        }
        pthread_detach(thread)
        if let complaint = launch.outcome() { throw Failure(description: complaint) }
    }

    /// setpriv becomes the program after it has told the kernel to kill it together with the calling thread.
    private static func spawn(_ path: String, _ arguments: [String], _ pipes: Pipes) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, pipes.output.writer, 1)
        posix_spawn_file_actions_adddup2(&actions, pipes.complaints.writer, 2)
        // Its own process group: a Ctrl-C on the terminal reaches us alone, and we end the children in order.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        // What we ignore, our children would ignore too.
        var ours = sigset_t()
        sigemptyset(&ours)
        for number in [SIGINT, SIGTERM, SIGPIPE, SIGHUP] { sigaddset(&ours, number) }
        posix_spawnattr_setsigdefault(&attributes, &ours)
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setpgroup(&attributes, 0)

        let words = ["setpriv", "--pdeathsig", "KILL", "--", path] + arguments
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        var pid: pid_t = 0
        let failed = posix_spawnp(&pid, "setpriv", &actions, &attributes, &pointers, environ)
        errno = failed
        return failed == 0 ? pid : nil
    }

    private static func read(_ pipes: Pipes, _ receive: (UnsafeRawBufferPointer, Bool) -> Void) {
        var open = [
            pollfd(fd: pipes.output.reader, events: Int16(POLLIN), revents: 0),
            pollfd(fd: pipes.complaints.reader, events: Int16(POLLIN), revents: 0),
        ]
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
            while open.contains(where: { $0.fd >= 0 }) {
                guard poll(&open, nfds_t(open.count), -1) >= 0 || errno == EINTR else { return }
                for index in open.indices where open[index].fd >= 0 && open[index].revents != 0 {
                    let count = Glibc.read(open[index].fd, buffer.baseAddress, buffer.count)
                    if count > 0 {
                        receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]), index == 0)
                    } else if count == 0 || errno != EINTR {
                        open[index].fd = -1
                    }
                }
            }
        }
    }

    /// Waits without collecting, so that the id stays taken until the end is noted under the lock.
    private static func awaitEnd(of pid: pid_t) {
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
    }

    private func receive(_ bytes: UnsafeRawBufferPointer, _ isOutput: Bool) {
        state.withLock { state in
            guard isOutput else {
                state.complaints.append(contentsOf: bytes)
                let excess = state.complaints.count - Self.keptComplaints
                if excess > Self.keptComplaints { state.complaints.removeFirst(excess) }
                return
            }
            let unfinished = state.output.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            state.output.append(contentsOf: bytes)
            var rest = state.output[unfinished...]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                if let event = JSON(parsing: Array(rest[..<end])) { state.events.append(event) }
                rest = rest[(end + 1)...]
            }
            if state.events.count > 2 * Self.keptEvents { state.events.removeFirst(Self.keptEvents) }
            if state.output.count > 2 * Self.keptOutput {
                state.output.removeFirst(state.output.count - Self.keptOutput)
            }
        }
    }
}

/// Waits until `condition` is true, for at most `bound`; says whether it became true.
package func holds(within bound: Interval, _ condition: () async -> Bool) async -> Bool {
    let clock = ContinuousClock()
    let deadline = clock.now + .nanoseconds(bound.nanoseconds)
    while true {
        if await condition() { return true }
        guard clock.now < deadline, !Task.isCancelled else { return false }
        try? await Task.sleep(for: .milliseconds(20))
    }
}

/// Waits until `condition` is true; throws a sentence with `what` when it is not within `bound`.
package func wait(for what: String, within bound: Interval, until condition: () async -> Bool) async throws {
    guard await holds(within: bound, condition) else {
        throw Program.Failure(description: "waited \(bound.seconds) s in vain for \(what)")
    }
}

private struct Pipes {
    let output: (reader: Int32, writer: Int32)
    let complaints: (reader: Int32, writer: Int32)

    /// Closed in children: only the copies that become their standard output and error stay open.
    init?() {
        guard let output = Self.pair() else { return nil }
        guard let complaints = Self.pair() else {
            close(output.reader)
            close(output.writer)
            return nil
        }
        self.output = output
        self.complaints = complaints
    }

    private static func pair() -> (reader: Int32, writer: Int32)? {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    func closeReaders() { for end in [output.reader, complaints.reader] { close(end) } }

    func closeWriters() { for end in [output.writer, complaints.writer] { close(end) } }

    func closeAll() {
        closeReaders()
        closeWriters()
    }
}

/// What a new thread is to do, and whether the child has started. Sendable because `body` is set before the thread is
/// made and used by that thread alone.
private final class Launch: @unchecked Sendable {
    var body: @Sendable () -> Void = {}
    private let started = DispatchSemaphore(value: 0)
    private let complaint = Mutex<String?>(nil)

    func report(_ complaint: String?) {
        self.complaint.withLock { $0 = complaint }
        started.signal()
    }

    /// Blocks for the few milliseconds that a start takes.
    func outcome() -> String? {
        started.wait()
        return complaint.withLock { $0 }
    }
}
