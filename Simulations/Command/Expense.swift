import Glibc
import Results

/// What the process has used since it was made.
struct Expense {
    private let started = Expense.wall

    static var wall: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    static var cpu: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    var host: Host {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        // Linux counts in KiB.
        return Host(
            cpuSeconds: Self.cpu, wallSeconds: Self.wall - started, peakResidentBytes: usage.ru_maxrss << 10,
            commit: nil)
    }
}
