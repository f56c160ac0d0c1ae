import Glibc
import Results

/// Does the runs of a sweep, some at a time, each in a process of its own.
struct Crew {
    /// Why the crew stopped before its work was done.
    enum Stop: Error {
        case signal(Int32)
        case failure(ResultFailure)
    }

    private let folder: SweepFolder
    private let jobs: Int
    private var waiting: ArraySlice<PlannedRun>
    private var running: [(child: Child, run: PlannedRun)] = []
    private(set) var finished = 0
    private(set) var failed = 0
    private(set) var firstError: String?
    private let total: Int
    private let start = Crew.now
    private var lastWord = Crew.now

    private static let isOnTerminal = isatty(STDERR_FILENO) == 1
    /// How often a log gets a line, in seconds; a terminal sees every change.
    private static let logInterval = 30.0
    /// How long a child may take to go after it was asked, in seconds.
    private static let grace = 2.0

    init(_ runs: [PlannedRun], into folder: SweepFolder, jobs: Int) {
        waiting = runs[...]
        total = runs.count
        self.folder = folder
        self.jobs = jobs
    }

    /// Returns when every run has finished or failed; whatever happens, no child is left.
    mutating func work() throws(Stop) {
        // Taken in turn below instead of interrupting: a child's end, and the wish to stop.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGCHLD, SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
        var before = sigset_t()
        pthread_sigmask(SIG_BLOCK, &signals, &before)
        defer {
            endAll()
            clearLine()
            pthread_sigmask(SIG_SETMASK, &before, nil)
        }
        while true {
            while running.count < jobs, let next = waiting.popFirst() {
                guard let child = Child(next.arguments(folder.folder(of: next.id))) else {
                    // With others at work there will be room later; alone there never is.
                    guard !running.isEmpty else {
                        throw .failure(ResultFailure("no process can be started", exitCode: 71))
                    }
                    waiting.insert(next, at: waiting.startIndex)
                    break
                }
                running.append((child, next))
            }
            tell()
            if running.isEmpty { return }
            var pause = timespec(tv_sec: 0, tv_nsec: 500_000_000)
            let number = sigtimedwait(&signals, nil, &pause)
            if number == SIGINT || number == SIGTERM || number == SIGHUP { throw .signal(number) }
            do {
                try collect()
            } catch {
                throw .failure(error)
            }
        }
    }

    private mutating func collect() throws(ResultFailure) {
        for (child, run) in running {
            guard let end = child.collect() else { continue }
            running.removeAll { $0.child.pid == child.pid }
            Folder.remove(ResultWriter.staging(for: folder.folder(of: run.id), by: child.pid))
            switch end {
            case .succeeded:
                // A scenario file may have been changed since the runs were planned.
                guard (try? ResultFolder(folder.folder(of: run.id)))?.runID == run.id else {
                    Folder.remove(folder.folder(of: run.id))
                    try note(run, "it answered another question than was asked; was the scenario's file changed?")
                    continue
                }
                folder.forgetFailure(of: run.id)
                finished += 1
            case .failed(ResultFailure.cannotCreate, let sentence):
                // What one run cannot write, the next cannot either.
                throw ResultFailure(sentence, exitCode: ResultFailure.cannotCreate)
            case .failed(let code, let sentence):
                try note(run, sentence.isEmpty ? "exit code \(code)" : "\(sentence) (exit code \(code))")
            case .killed(let signal):
                try note(run, "killed by signal \(signal) (\(String(cString: strsignal(signal))))")
            }
        }
    }

    private mutating func note(_ run: PlannedRun, _ error: String) throws(ResultFailure) {
        failed += 1
        firstError = firstError ?? error
        try folder.noteFailure(RunSummary(of: run.manifest, error: error))
    }

    /// Asks all children to go, and sees to it that they do.
    private mutating func endAll() {
        for (child, _) in running { kill(child.pid, SIGTERM) }
        let deadline = Self.now + Self.grace
        while !running.isEmpty {
            for (child, run) in running where child.collect(waiting: Self.now > deadline) != nil {
                running.removeAll { $0.child.pid == child.pid }
                Folder.remove(ResultWriter.staging(for: folder.folder(of: run.id), by: child.pid))
            }
            if !running.isEmpty { usleep(20_000) }
            if Self.now > deadline { for (child, _) in running { kill(child.pid, SIGKILL) } }
        }
    }

    // MARK: Progress

    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private mutating func tell() {
        guard Self.isOnTerminal || Self.now - lastWord >= Self.logInterval else { return }
        lastWord = Self.now
        let done = finished + failed
        var line = "\(done) of \(total) runs"
        if failed > 0 { line += ", \(failed) failed" }
        if done > 0, done < total {
            let left = (Self.now - start) / Double(done) * Double(total - done)
            line += ", about \(Self.clock(left)) left"
        }
        complain(Self.isOnTerminal ? "\r\u{1B}[K\(line)" : line + "\n")
    }

    private func clearLine() {
        if Self.isOnTerminal { complain("\r\u{1B}[K") }
    }

    private static func clock(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded(.up))
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return whole < 3_600
            ? "\(whole / 60):\(two(whole % 60))" : "\(whole / 3_600):\(two(whole / 60 % 60)):\(two(whole % 60))"
    }
}
