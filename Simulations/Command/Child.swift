import Glibc

/// One run in a process of its own: what it breaks and what it allocates is gone with it.
struct Child {
    enum End: Equatable {
        case succeeded
        /// With the sentence that it wrote last, if any.
        case failed(code: Int32, sentence: String)
        case killed(signal: Int32)
    }

    let pid: pid_t
    /// A file without a name, for its standard error.
    private let complaints: Int32

    /// Starts this same program with other arguments; `nil` when the system has no room for another process.
    init?(_ arguments: [String]) {
        complaints = Self.nameless()
        var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        guard complaints >= 0, readlink("/proc/self/exe", &path, path.count - 1) > 0 else { return nil }
        let program = String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // setpriv becomes the program, after telling the kernel to end it together with us, however we end.
        // Who ended before it could tell is noticed by the program: it is asked whose child it is.
        let words = ["setpriv", "--pdeathsig", "KILL", "--", program] + arguments + ["--child-of", "\(getpid())"]
        guard
            let pid = Self.spawn(words, complaints: complaints)
                ?? Self.spawn(Array(words.dropFirst(4)), complaints: complaints)
        else {
            close(complaints)
            return nil
        }
        self.pid = pid
    }

    /// A file that is gone when the last process has closed it.
    private static func nameless() -> Int32 {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var name = Array("\(folder)/tributary-XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { return -1 }
        unlink(name)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    private static func spawn(_ words: [String], complaints: Int32) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, complaints, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: a Ctrl-C reaches us alone. No signal is blocked there as it is here.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        posix_spawnattr_setpgroup(&attributes, 0)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var pid: pid_t = 0
        return posix_spawnp(&pid, words[0], &actions, &attributes, &pointers, environ) == 0 ? pid : nil
    }

    /// How it ended, when it has; collects it then.
    func collect(waiting: Bool = false) -> End? {
        var status: Int32 = 0
        var collected: pid_t = 0
        repeat { collected = waitpid(pid, &status, waiting ? 0 : WNOHANG) } while collected < 0 && errno == EINTR
        guard collected == pid else { return nil }
        defer { close(complaints) }
        let signal = status & 0x7f
        let code = status >> 8 & 0xff
        if signal != 0 { return .killed(signal: signal) }
        return code == 0
            ? .succeeded : .failed(code: code, sentence: Self.lastSentence(of: Self.text(of: complaints)))
    }

    /// The last 64 KiB.
    private static func text(of descriptor: Int32) -> String {
        let length = min(lseek(descriptor, 0, SEEK_END), 64 << 10)
        guard length > 0 else { return "" }
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            lseek(descriptor, -length, SEEK_END)
            count = max(0, read(descriptor, buffer.baseAddress, length))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func lastSentence(of text: String) -> String {
        let line = text.split { $0.isNewline }.last { !$0.allSatisfy(\.isWhitespace) } ?? ""
        let prefix = "tributary-simulate: "
        return String((line.hasPrefix(prefix) ? line.dropFirst(prefix.count) : line).prefix(500))
    }
}
