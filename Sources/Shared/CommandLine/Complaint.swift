import Glibc
import NIOCore

/// Why a command cannot go on, in one sentence for the person who typed it.
package struct Complaint: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String
    package let exitCode: Int32

    /// What `sysexits.h` calls EX_USAGE, and what ArgumentParser uses too.
    package static let usage: Int32 = 64

    package init(_ message: String, exitCode: Int32 = 1) {
        self.message = message
        self.exitCode = exitCode
    }

    package var description: String { message }

    /// Says what went wrong when `place` could not be bound.
    package init(binding place: String, _ error: any Error) {
        let reason =
            switch (error as? IOError)?.errnoCode {
            case EADDRINUSE: "the port is in use by another program"
            case EACCES: "this user may not use that port"
            case EADDRNOTAVAIL: "this machine has no such address"
            default: Self.reason(error)
            }
        self.init("cannot listen on \(place): \(reason)")
    }

    /// Says what went wrong with `subject`.
    package init(_ subject: String, _ error: any Error) { self.init("\(subject): \(Self.reason(error))") }

    private static func reason(_ error: any Error) -> String {
        (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
    }

    /// Prints the sentence on standard error and ends the process.
    package func exit() -> Never {
        write("error: \(message)\n", to: STDERR_FILENO)
        Glibc.exit(exitCode)
    }
}

/// Runs a command's work; a complaint ends the process with its sentence, any other error with exit code 1.
package func complaining(_ work: () async throws -> Void) async {
    do {
        try await work()
    } catch let complaint as Complaint {
        complaint.exit()
    } catch {
        Complaint("\(error)").exit()
    }
}
