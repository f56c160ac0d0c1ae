import NIOCore
import Synchronization
import TrackerDirectory
import Vocabulary
import WebServer
import Wire

/// Those who follow the directory's changes as Server-Sent Events (WHATWG HTML, section 9.2).
final class Followers: Sendable {
    private struct Follower {
        var writer: ResponseWriter
        var address: [UInt8]
    }

    private struct State {
        var followers: [Int: Follower] = [:]
        var last = 0

        func hasRoom(for address: [UInt8]) -> Bool {
            followers.count < Limits.followers
                && followers.values.count(where: { $0.address == address }) < Limits.followersPerAddress
        }
    }

    private let state = Mutex(State())

    func hasRoom(for address: [UInt8]) -> Bool { state.withLock { $0.hasRoom(for: address) } }

    var count: Int { state.withLock { $0.followers.count } }

    /// Begins to tell `writer` what happens from now on, after `beginning`; `false` when there are too many already.
    func add(_ writer: ResponseWriter, from address: [UInt8], beginning: String) -> Bool {
        let name = state.withLock { state -> Int? in
            guard state.hasRoom(for: address) else { return nil }
            state.last += 1
            state.followers[state.last] = Follower(writer: writer, address: address)
            return state.last
        }
        guard let name else { return false }
        writer.eventLoop.execute {
            writer.onClose { self.remove(name) }
            writer.write(ByteBuffer(string: beginning))
        }
        return true
    }

    private func remove(_ name: Int) { _ = state.withLock { $0.followers.removeValue(forKey: name) } }

    func tell(_ text: String) {
        let followers = state.withLock { $0.followers }
        guard !followers.isEmpty else { return }
        let bytes = ByteBuffer(string: text)
        for (name, follower) in followers {
            follower.writer.eventLoop.execute {
                // Who does not keep up is let go, and catches up when it comes back with its last number.
                guard follower.writer.isWritable else {
                    self.remove(name)
                    return follower.writer.abort()
                }
                follower.writer.write(bytes)
            }
        }
    }

    /// Ends every stream; clients come back by themselves, here or at another tracker.
    func end() {
        let followers = state.withLock { state in
            defer { state.followers = [:] }
            return state.followers.values.map(\.writer)
        }
        for writer in followers { writer.eventLoop.execute { writer.finish() } }
    }
}
