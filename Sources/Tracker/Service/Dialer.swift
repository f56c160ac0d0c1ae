import CDatagrams
import Glibc
import NIOCore
import Synchronization
import TrackerCore
import Vocabulary

/// Dials peers back, to see whether others can reach them: a TCP connection that says nothing and ends at once.
///
/// It sleeps while nobody is to be dialled. Else it looks from time to time what has become of all that are under way, on
/// plain sockets: a channel for each would cost several times as much as the connection.
final class Dialer: Sendable {
    private struct Dial {
        let check: Tracker.Check
        let socket: Int32
        let end: Instant
    }

    /// Connections under way; who would be one too many is taken for reachable until its next turn.
    private static let limit = 256
    private static let patience = Interval.seconds(3)
    /// A few at a time, and often: announces wait meanwhile where there is one processor for both.
    private static let dialsAtOnce = 4
    private static let pause = TimeAmount.milliseconds(10)

    private let loop: any EventLoop
    private let shared: SharedTracker
    private let underWay = Mutex<[Dial]>([])

    init(_ loop: any EventLoop, _ shared: SharedTracker) {
        self.loop = loop
        self.shared = shared
    }

    deinit { for dial in underWay.withLock({ $0 }) { close(dial.socket) } }

    /// To be called when somebody is to be dialled.
    func wake() {
        guard !shared.isDialling.exchange(true, ordering: .relaxed) else { return }
        loop.scheduleTask(in: Self.pause) { [weak self] in self?.work() }
    }

    private func work() {
        // Before it asks: who has to be dialled a moment later wakes it again.
        shared.isDialling.store(false, ordering: .relaxed)
        let (checks, areMore) = shared.with { ($0.takeChecks(Self.dialsAtOnce), $0.hasChecks) }
        let isAtIt = underWay.withLock { underWay in
            settle(&underWay)
            for check in checks where underWay.count < Self.limit { dial(check, &underWay) }
            return !underWay.isEmpty
        }
        if areMore || isAtIt { wake() }
    }

    private func dial(_ check: Tracker.Check, _ underWay: inout [Dial]) {
        let isV6 = check.endpoint.ip.v4 == nil
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let made = socket(isV6 ? AF_INET6 : AF_INET, kind, 0)
        guard made >= 0 else { return shared.countDial("failed") }
        let code = check.endpoint.withSocketAddress(isV6: isV6) { connect(made, $0, $1) == 0 ? 0 : errno }
        if code == EINPROGRESS {
            underWay.append(Dial(check: check, socket: made, end: shared.now + Self.patience))
        } else {
            close(made)
            note(check, code)
        }
    }

    /// Lets go of those that have come to an end.
    private func settle(_ underWay: inout [Dial]) {
        guard !underWay.isEmpty else { return }
        var waiting = underWay.map { pollfd(fd: $0.socket, events: Int16(POLLOUT), revents: 0) }
        poll(&waiting, nfds_t(waiting.count), 0)
        let now = shared.now
        for index in underWay.indices.reversed() where waiting[index].revents != 0 || underWay[index].end <= now {
            let dial = underWay.remove(at: index)
            var code = ETIMEDOUT
            var length = socklen_t(MemoryLayout<Int32>.size)
            if waiting[index].revents != 0 { getsockopt(dial.socket, SOL_SOCKET, SO_ERROR, &code, &length) }
            close(dial.socket)
            note(dial.check, code)
        }
    }

    private func note(_ check: Tracker.Check, _ code: Int32) {
        let isReachable = code == 0
        // Our own trouble says nothing about the peer.
        guard isReachable || [ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, ECONNRESET].contains(code) else {
            return shared.countDial("failed")
        }
        shared.with { $0.note(check, isReachable: isReachable) }
        shared.countDial(isReachable ? "reached" : "unreachable")
    }
}
