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
    /// From one to the next: announces wait meanwhile where there is one processor for both.
    private static let pause = TimeAmount.microseconds(2_500)

    private let group: any EventLoopGroup
    private let shared: SharedTracker
    private let underWay = Atomic(0)

    init(_ group: any EventLoopGroup, _ shared: SharedTracker) {
        self.group = group
        self.shared = shared
    }

    /// Nobody wakes it while nobody is to be dialled.
    func start() {
        shared.whenChecksWait { [weak self] in
            guard let self else { return }
            group.next().scheduleTask(in: Self.pause) { for check in self.shared.takeChecks(1) { self.dial(check) } }
        }
    }

    private func dial(_ check: Tracker.Check) {
        guard underWay.load(ordering: .relaxed) < Self.limit,
            let address = try? SocketAddress(
                packedIPAddress: ByteBuffer(bytes: check.endpoint.address), port: Int(check.endpoint.port))
        else { return }
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

    private func note(_ check: Tracker.Check, isReachable: Bool) {
        shared.with { $0.note(check, isReachable: isReachable) }
        shared.countDial(isReachable ? "reached" : "unreachable")
    }

    private static func isAnswer(_ error: any Error) -> Bool {
        if case ChannelError.connectTimeout = error { return true }
        return [ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, ECONNRESET].contains((error as? IOError)?.errnoCode)
    }
}
