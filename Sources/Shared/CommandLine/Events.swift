package import Wire
import Glibc
import Synchronization

/// What a command tells other programs: one JSON object a line on standard output.
package enum Events {
    // Lines of several threads must not mix.
    private static let turn = Mutex(())

    /// Writes one line at once; the first field should be "event".
    package static func emit(_ fields: [(String, JSONValue)]) {
        turn.withLock { _ in write(JSONValue.object(fields).encoded + "\n", to: STDOUT_FILENO) }
    }

    /// Writes one line for a person to read on standard output.
    package static func say(_ line: String) {
        turn.withLock { _ in write(line + "\n", to: STDOUT_FILENO) }
    }
}

/// Writes all of `text`; what a closed or full descriptor refuses is lost.
func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if written > 0 {
            bytes = bytes.dropFirst(written)
        } else if written == 0 || errno != EINTR {
            return
        }
    }
}
