import Dispatch
import Logging
import Synchronization
import Vocabulary

/// Which broadcasts and info-hashes may use this tracker: those on the allow list if there is one, less those on the
/// deny list. Both are read again when their file changes; a list with a mistake in it leaves the old one in force.
package final class AccessGuard: Sendable {
    private struct File {
        let path: String
        var version: TextFile.Version?
        var list: AccessList
    }

    private struct State {
        var allow: File?
        var deny: File?
    }

    private let log: Logger
    private let state: Mutex<State>
    /// Nothing is listed anywhere, so there is nothing to look up.
    private let isOpen: Bool
    // Unsafe only to the compiler: written once before anybody else has us.
    private nonisolated(unsafe) var timer: (any DispatchSourceTimer)?

    init(allow: String?, deny: String?, log: Logger) throws {
        self.log = log
        isOpen = allow == nil && deny == nil
        state = Mutex(State(allow: try allow.map(Self.read), deny: try deny.map(Self.read)))
        guard !isOpen else { return }
        let timer = DispatchSource.makeTimerSource(queue: .global(qos: .utility))
        timer.schedule(deadline: .now() + 1, repeating: 1)
        timer.setEventHandler { [weak self] in self?.reload(always: false) }
        timer.resume()
        self.timer = timer
    }

    deinit { timer?.cancel() }

    func admits(_ broadcast: BroadcastID) -> Bool { isOpen || admits(broadcast.key) }

    func admits(_ hash: InfoHash) -> Bool { isOpen || admits(AccessList.name(of: hash)) }

    private func admits(_ name: Word256) -> Bool {
        state.withLock { state in
            !(state.deny?.list.contains(name) ?? false) && state.allow?.list.contains(name) ?? true
        }
    }

    /// Reads the lists again; without `always` only those whose file is another one than last time.
    func reload(always: Bool) {
        let (allow, deny) = state.withLock { ($0.allow, $0.deny) }
        if let file = fresh(allow, always) { state.withLock { $0.allow = file } }
        if let file = fresh(deny, always) { state.withLock { $0.deny = file } }
    }

    private func fresh(_ old: File?, _ always: Bool) -> File? {
        guard let old, always || TextFile.version(of: old.path) != old.version else { return nil }
        do {
            let file = try Self.read(old.path)
            log.info("read the list again", metadata: ["file": "\(file.path)", "names": "\(file.list.count)"])
            return file
        } catch {
            log.error("the list stays as it was: \(error)")
            // The same mistake is not worth a line each second.
            var same = old
            same.version = TextFile.version(of: old.path)
            return same
        }
    }

    private static func read(_ path: String) throws -> File {
        // Looked at first: what is written while we read is then noticed next time.
        let version = TextFile.version(of: path)
        return File(path: path, version: version, list: try AccessList(parsing: TextFile.read(path), of: path))
    }
}
