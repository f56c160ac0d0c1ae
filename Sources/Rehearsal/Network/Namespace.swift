import CNamespaces
import Glibc
import Stage

/// A network namespace without a name: the kernel removes it with all that is in it when its last process and this
/// object are gone, however that comes about.
package final class Namespace: Sendable {
    package enum Transport: Sendable {
        case stream, datagrams
    }

    private let descriptor: Int32

    init() throws(Program.Failure) {
        let made = namespace_create()
        guard made >= 0 else { throw Program.Failure(description: "no network namespace: \(Self.reason(made))") }
        descriptor = made
        let failure = namespace_raise(made, "lo")
        guard failure == 0 else { throw Program.Failure(description: "no loopback: \(Self.reason(failure))") }
    }

    deinit { close(descriptor) }

    /// Moves the calling thread, and what it starts, into the namespace.
    package func enter() -> Bool { namespace_enter(descriptor) == 0 }

    /// A socket inside, for whoever is outside; negative when there is none.
    package func socket(_ transport: Transport) -> Int32 {
        let type = transport == .stream ? SOCK_STREAM : SOCK_DGRAM
        return namespace_socket(descriptor, AF_INET, Int32(type.rawValue), 0)
    }

    /// How `ip` names it.
    var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

    func openTunnel(address: UInt32) throws(Program.Failure) -> Int32 {
        let tunnel = tunnel_open(descriptor, "eth0", address, 16, Int32(Emulator.packetLength), 1_000)
        guard tunnel >= 0 else { throw Program.Failure(description: "no TUN device: \(Self.reason(tunnel))") }
        return tunnel
    }

    /// Writes a setting below /proc/sys/net.
    func set(_ setting: String, _ value: String) throws(Program.Failure) {
        let file = namespace_open(descriptor, "/proc/sys/net/\(setting)", O_WRONLY)
        defer { if file >= 0 { close(file) } }
        guard file >= 0, write(file, value, value.utf8.count) == value.utf8.count else {
            throw Program.Failure(description: "the kernel does not take \(setting) = \(value)")
        }
    }

    /// Bytes that the interface has received and sent, as the kernel counts them.
    package func interfaceBytes(_ interface: String = "eth0") -> (received: Int, sent: Int)? {
        let file = namespace_open(descriptor, "/proc/thread-self/net/dev", O_RDONLY)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { return nil }
        for line in String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == ":" }
            guard words.first.map(String.init) == interface, words.count > 9, let received = Int(words[1]),
                let sent = Int(words[9])
            else { continue }
            return (received, sent)
        }
        return nil
    }

    private static func reason(_ failure: Int32) -> String { String(cString: strerror(-failure)) }
}
