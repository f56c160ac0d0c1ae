import Glibc
import NIOCore
import NIOPosix
import Synchronization
import TrackerCore
import Vocabulary

/// Dials peers back, to see whether others can reach them: a TCP connection that says nothing and ends at once.
final class Dialer: Sendable {
    /// Connections under way; who would be one too many is taken for reachable until its next turn.
    private static let limit = 256
    private static let patience = TimeAmount.seconds(3)
    /// A few at a time, and often: announces wait meanwhile where there is one processor for both.
    private static let dialsAtOnce = 4
    static let pause = TimeAmount.milliseconds(10)

    private let group: any EventLoopGroup
    private let shared: SharedTracker
    private let underWay = Atomic(0)

    init(_ group: any EventLoopGroup, _ shared: SharedTracker) {
        self.group = group
        self.shared = shared
    }

    /// Dials whoever is to be dialled now.
    func work() {
        for check in shared.with({ $0.takeChecks(Self.dialsAtOnce) }) {
            guard underWay.load(ordering: .relaxed) < Self.limit,
                let address = try? SocketAddress(
                    packedIPAddress: ByteBuffer(bytes: check.endpoint.address), port: Int(check.endpoint.port))
            else { continue }
            underWay.wrappingAdd(1, ordering: .relaxed)
            ClientBootstrap(group: group).connectTimeout(Self.patience).connect(to: address).whenComplete { result in
                self.underWay.wrappingSubtract(1, ordering: .relaxed)
                switch result {
                case .success(let channel):
                    channel.close(promise: nil)
                    self.note(check, isReachable: true)
                case .failure(let error) where Self.isAnswer(error): self.note(check, isReachable: false)
                // Our own trouble says nothing about the peer.
                case .failure: self.shared.countDial("failed")
                }
            }
        }
    }

    private func note(_ check: Tracker.Check, isReachable: Bool) {
        shared.with { $0.note(check, isReachable: isReachable) }
        shared.countDial(isReachable ? "reached" : "unreachable")
    }

    private static func isAnswer(_ error: any Error) -> Bool {
        if case ChannelError.connectTimeout = error { return true }
        return [ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, ECONNRESET].contains((error as? IOError)?.errnoCode)
    }
}
