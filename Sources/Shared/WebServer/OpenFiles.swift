import Glibc

/// The files that this process may have open. Each connection is one, and each segment on disk: of the first there are
/// never more than half of all, and of the others than a quarter, because a process that may open nothing more can
/// neither read its settings nor take an encoder.
package enum OpenFiles {
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

    package static var limit: Int {
        var limit = rlimit()
        return getrlimit(resource, &limit) == 0 ? Int(clamping: limit.rlim_cur) : 1_024
    }

    /// Lets the process have as many as the system allows it.
    package static func raiseLimit() {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }
}
