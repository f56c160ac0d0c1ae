import NIOCore
import Synchronization

/// The open connections of a server, at most `limit`.
///
/// When there is no room, whoever has gone longest without asking anything makes some: otherwise a few hundred silent
/// sockets would keep everybody out. Who is being answered stays.
final class Connections: Sendable {
    private struct State {
        var open: [ObjectIdentifier: Entry] = [:]
        var addresses: [String: Int] = [:]
        var clock = 0
        var isClosed = false
    }

    private struct Entry {
        let channel: any Channel
        /// When it fell silent, counted in changes of all connections; `nil` while it is being answered.
        var quietSince: Int?
    }

    private let limit: Int
    private let limitPerAddress: Int
    private let state = Mutex(State())

    init(limit: Int, perAddress limitPerAddress: Int) {
        self.limit = limit
        self.limitPerAddress = limitPerAddress
    }

    /// Takes the connection in; returns the one that must be closed for it, which is itself when all others are busy.
    func admit(_ channel: any Channel) -> (any Channel)? {
        let name = ObjectIdentifier(channel)
        let address = channel.remoteAddress?.ipAddress ?? ""
        let (isAdmitted, victim) = state.withLock { state -> (Bool, (any Channel)?) in
            guard !state.isClosed, state.addresses[address, default: 0] < limitPerAddress else {
                return (false, channel)
            }
            var victim: (any Channel)?
            if state.open.count >= limit {
                let quietest = state.open.filter { $0.value.quietSince != nil }
                    .min { ($0.value.quietSince ?? 0) < ($1.value.quietSince ?? 0) }
                guard let quietest else { return (false, channel) }
                victim = state.open.removeValue(forKey: quietest.key)?.channel
            }
            state.clock += 1
            state.open[name] = Entry(channel: channel, quietSince: state.clock)
            state.addresses[address, default: 0] += 1
            return (true, victim)
        }
        if isAdmitted {
            channel.closeFuture.whenComplete { _ in
                self.state.withLock { state in
                    state.open[name] = nil
                    let left = state.addresses[address, default: 1] - 1
                    state.addresses[address] = left > 0 ? left : nil
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
