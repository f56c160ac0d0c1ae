import Foundation
import Glibc

/// The priority of this process and of the programs that it starts.
enum Priority {
    /// Goes before what else this machine does, and behind the emulator, which has real-time priority: a rehearsal on a
    /// busy machine is to show the programs and not its load.
    static func raise() {
        // On Linux each thread has its own, and new ones begin with that of the thread that makes them.
        for thread in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? [] {
            guard let thread = id_t(thread) else { continue }
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), thread, -15)
        }
    }
}
