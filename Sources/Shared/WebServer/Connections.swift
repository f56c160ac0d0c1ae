import NIOCore
import Synchronization
import Vocabulary

/// The open connections of a server, as many as its limits and half of the open files allow.
///
/// When there is no room, whoever has gone longest without asking anything makes some: otherwise a few hundred silent
/// sockets would keep everybody out. Who is being answered stays.
final class Connections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: Entry] = [:]
        var hosts: [IPAddress?: Int] = [:]
        var clock = 0
        var isClosed = false
    }

    private struct Entry {
        let channel: any Channel
        /// When it fell silent, counted in changes of all connections; `nil` while it is being answered.
        var quietSince: Int?
    }

    private let limits: ServerLimits
    private let room: Int
    private let state = Mutex(State())

    init(_ limits: ServerLimits) {
        self.limits = limits
        room = min(limits.connections, OpenFiles.limit / 2)
    }

    /// Takes the connection in; returns the one that must be closed for it, which is itself when all others are busy.
    func admit(_ channel: any Channel) -> (any Channel)? {
        let name = ObjectIdentifier(channel)
        let address = channel.remoteAddress.flatMap(Endpoint.init)?.ip
        let host = address?.host
        let isSpared = limits.sparesLoopback && address?.isLoopback == true
        let (isAdmitted, victim) = state.withLock { state -> (Bool, (any Channel)?) in
            guard !state.isClosed, isSpared || state.hosts[host, default: 0] < limits.connectionsPerAddress else {
                return (false, channel)
            }
            var victim: (any Channel)?
            if state.open.count >= room {
                let quietest = state.open.filter { $0.value.quietSince != nil }
                    .min { ($0.value.quietSince ?? 0) < ($1.value.quietSince ?? 0) }
                guard let quietest else { return (false, channel) }
                victim = state.open.removeValue(forKey: quietest.key)?.channel
            }
            state.clock += 1
            state.open[name] = Entry(channel: channel, quietSince: state.clock)
            state.hosts[host, default: 0] += 1
            return (true, victim)
        }
        if isAdmitted {
            channel.closeFuture.whenComplete { _ in
                self.state.withLock { state in
                    state.open[name] = nil
                    let left = state.hosts[host, default: 1] - 1
                    state.hosts[host] = left > 0 ? left : nil
                }
            }
        }
        return victim
    }

    /// An answer has begun, or all that was asked is answered.
    func note(_ channel: any Channel, isBusy: Bool) {
        state.withLock { state in
            state.clock += 1
            state.open[ObjectIdentifier(channel)]?.quietSince = isBusy ? nil : state.clock
        }
    }

    func close() -> [any Channel] {
        state.withLock { state in
            state.isClosed = true
            return state.open.values.map(\.channel)
        }
    }
}
