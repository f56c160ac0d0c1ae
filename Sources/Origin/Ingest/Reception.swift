import Integrity
package import Logging
package import OriginCore
package import OriginMedia
import Synchronization
package import Vocabulary

/// Decides who may publish where, whatever protocol they speak, and ends the sessions of those who may no longer.
package final class Reception: Sendable {
    /// A stream key, as it is kept.
    package struct Key: Hashable, Sendable {
        package var name: String
        package var hash: Word256

        package init(name: String, hash: Word256) {
            self.name = name
            self.hash = hash
        }
    }

    package enum Refusal: Hashable, Sendable, CustomStringConvertible {
        case wrongKey
        case tooManyGuesses(Interval)
        case busy
        /// With how many renditions of its own the broadcast takes beside the source.
        case noSuchRendition(Int)

        package var description: String {
            switch self {
            case .wrongKey: "the stream key is wrong"
            case .tooManyGuesses(let wait):
                "this address has tried too many wrong stream keys: wait \(Int(wait.seconds.rounded(.up))) s"
            case .busy: "another encoder is on air in this broadcast"
            case .noSuchRendition(0): "this broadcast takes no renditions from encoders"
            case .noSuchRendition(let count): "this broadcast takes rendition \(count == 1 ? "1" : "1 to \(count)")"
            }
        }

        /// A short name for counters.
        var reason: String {
            switch self {
            case .wrongKey: "wrong_key"
            case .tooManyGuesses: "too_many_guesses"
            case .busy: "busy"
            case .noSuchRendition: "no_such_rendition"
            }
        }
    }

    package enum Admission: Sendable {
        case admitted(Feed)
        case refused(String)
    }

    package struct Figures: Sendable {
        package var onAir = 0
        package var admitted = 0
        package var refused: [String: Int] = [:]
        package var malformed: [String: Int] = [:]
        package var bytes = 0
    }

    private struct Door {
        var keys: [Key]
        var policy: OnAir.Policy
        /// By rendition; the first is the source.
        var places: [Place]
    }

    private struct Place {
        var entrance: Entrance
        var onAir = OnAir()
        var session: Session?
    }

    private struct Session {
        var encoder: Encoder
        var key: Key
        var feed: Feed
    }

    private struct State {
        /// By the broadcast's name.
        var doors: [String: Door] = [:]
        var guesses = GuessLimit()
        var brevity = Brevity()
        var figures = Figures()
    }

    private let state = Mutex(State())
    private let log: Logger

    package init(log: Logger) { self.log = log }

    package var figures: Figures {
        state.withLock { state in
            var figures = state.figures
            figures.onAir = state.doors.values.flatMap(\.places).count { $0.session != nil }
            return figures
        }
    }

    /// The transport of the encoder that brings the broadcast's source, and its address.
    package func encoder(of broadcast: String) -> (transport: String, address: String)? {
        state.withLock { $0.doors[broadcast]?.places[0].session.map { ($0.encoder.transport, $0.encoder.address) } }
    }

    // MARK: What the operator decides

    /// - Parameter entrances: by rendition; the first is the source's.
    package func open(_ broadcast: String, keys: [Key], to entrances: [Entrance], policy: OnAir.Policy) {
        precondition(!entrances.isEmpty, "a broadcast that takes encoders has a source")
        state.withLock {
            $0.doors[broadcast] = Door(keys: keys, policy: policy, places: entrances.map { Place(entrance: $0) })
        }
    }

    package func close(_ broadcast: String) {
        let door = state.withLock { $0.doors.removeValue(forKey: broadcast) }
        for session in door?.places.compactMap(\.session) ?? [] {
            session.feed.finish("the broadcast is no longer served here")
            session.encoder.hangUp("the broadcast is no longer served here")
        }
    }

    /// Keys were made or revoked; who came with a revoked one is sent away.
    package func change(_ keys: [Key], of broadcast: String) {
        let revoked = state.withLock { state -> [Session] in
            state.doors[broadcast]?.keys = keys
            let sessions = state.doors[broadcast]?.places.compactMap(\.session).filter { !keys.contains($0.key) } ?? []
            for session in sessions { leave(session.encoder, "its stream key was revoked", &state) }
            return sessions
        }
        for session in revoked {
            log.warning(
                "the encoder is sent away: its stream key was revoked",
                metadata: ["broadcast": "\(broadcast)", "encoder": "\(session.encoder.name)"])
            session.encoder.hangUp("the stream key was revoked")
        }
    }

    // MARK: What encoders do

    /// Lets the encoder in where its key belongs, if it does.
    package func admit(_ encoder: Encoder, _ ticket: Ticket) -> Admission {
        let now = MonotonicClock.now
        let outcome = state.withLock { state -> Outcome in
            switch examine(ticket, of: encoder.id, from: encoder.address, at: now, &state) {
            case .refused(let refusal, let broadcast): return .refused(refusal, broadcast)
            case .fits(let broadcast, let key, var place):
                let replaced = place.session
                replaced?.feed.finish("another encoder has taken over")
                let feed = feed(of: encoder)
                place.session = Session(encoder: encoder, key: key, feed: feed)
                place.entrance.admit(feed)
                state.doors[broadcast]?.places[ticket.rendition] = place
                state.figures.admitted += 1
                return .welcome(broadcast, feed, replaced?.encoder)
            }
        }
        switch outcome {
        case .welcome(let broadcast, let feed, let replaced):
            if let replaced { tell(broadcast, encoder, replaced) }
            return .admitted(feed)
        case .refused(let refusal, let broadcast):
            return .refused(note(refusal, encoder.name, broadcast))
        }
    }

    /// Why `admit` would refuse; for protocols that can say so before there is a connection.
    package func refusal(of ticket: Ticket, transport: String, from address: String) -> Refusal? {
        let now = MonotonicClock.now
        let examination = state.withLock { examine(ticket, of: .max, from: address, at: now, &$0) }
        guard case .refused(let refusal, let broadcast) = examination else { return nil }
        _ = note(refusal, "\(transport) from \(address)", broadcast)
        return refusal
    }

    private enum Examination {
        /// The place has the encoder on air.
        case fits(broadcast: String, Key, Place)
        /// With the broadcast, if the key is one of its own.
        case refused(Refusal, String?)
    }

    private func examine(
        _ ticket: Ticket, of encoder: UInt64, from address: String, at now: Instant, _ state: inout State
    ) -> Examination {
        if let wait = state.guesses.wait(of: Self.network(address), at: now) {
            return .refused(.tooManyGuesses(wait), nil)
        }
        let hash = StreamKey.hash(String(ticket.key.prefix(Limits.streamKeyLength)))
        var match: (broadcast: String, key: Key, door: Door)?
        // All are compared, so that the time tells nothing.
        for (broadcast, door) in state.doors {
            for candidate in door.keys where StreamKey.isEqual(candidate.hash, hash) {
                match = (broadcast, candidate, door)
            }
        }
        guard let (broadcast, key, door) = match else {
            state.guesses.missed(Self.network(address), at: now)
            return .refused(.wrongKey, nil)
        }
        guard door.places.indices.contains(ticket.rendition) else {
            return .refused(.noSuchRendition(door.places.count - 1), broadcast)
        }
        var place = door.places[ticket.rendition]
        let heard = place.session?.encoder.lastHeard ?? .zero
        guard case .welcome = place.onAir.arrive(encoder, door.policy, heard: heard, at: now) else {
            return .refused(.busy, broadcast)
        }
        return .fits(broadcast: broadcast, key, place)
    }

    /// The connection has ended, or the encoder has said that its programme has.
    package func left(_ encoder: Encoder, _ reason: String) { state.withLock { leave(encoder, reason, &$0) } }

    /// What came over a connection broke the protocol.
    package func malformed(_ reason: String, _ sentence: String, _ transport: String, from address: String) {
        let now = MonotonicClock.now
        let untold = state.withLock { state in
            if state.figures.malformed[reason] != nil || state.figures.malformed.count < 64 {
                state.figures.malformed[reason, default: 0] += 1
            }
            return state.brevity.tells(reason, at: now)
        }
        warn("a connection to the \(transport) port was closed: \(sentence)", ["address": "\(address)"], untold)
    }

    /// - Parameter untold: how many like it were passed over; `nil` to pass this one over, too.
    private func warn(_ sentence: String, _ metadata: Logger.Metadata, _ untold: Int?) {
        guard let untold else { return }
        log.warning("\(sentence)\(untold > 0 ? "; so were \(untold) others" : "")", metadata: metadata)
    }

    package func received(_ bytes: Int) { state.withLock { $0.figures.bytes += bytes } }

    private enum Outcome {
        case welcome(String, Feed, Encoder?)
        case refused(Refusal, String?)
    }

    private func tell(_ broadcast: String, _ encoder: Encoder, _ replaced: Encoder) {
        log.warning(
            "another encoder takes over",
            metadata: ["broadcast": "\(broadcast)", "encoder": "\(encoder.name)", "before": "\(replaced.name)"])
        replaced.hangUp("another encoder with this stream key has taken over")
    }

    /// Counts and logs the refusal; returns the sentence for the encoder.
    private func note(_ refusal: Refusal, _ encoder: String, _ broadcast: String?) -> String {
        let now = MonotonicClock.now
        let untold = state.withLock { state in
            state.figures.refused[refusal.reason, default: 0] += 1
            return state.brevity.tells(refusal.reason, at: now)
        }
        var metadata: Logger.Metadata = ["encoder": "\(encoder)"]
        if let broadcast { metadata["broadcast"] = "\(broadcast)" }
        warn("an encoder is refused: \(refusal)", metadata, untold)
        return "\(refusal)"
    }

    private func feed(of encoder: Encoder) -> Feed {
        Feed(name: encoder.name, format: encoder.format, onRoom: encoder.resume) { [weak self] reason in
            guard let self else { return }
            state.withLock { state in
                state.figures.refused["unusable", default: 0] += 1
                leave(encoder, reason, &state)
            }
            encoder.hangUp(reason)
        }
    }

    private func leave(_ encoder: Encoder, _ reason: String, _ state: inout State) {
        for (broadcast, door) in state.doors {
            for (number, place) in door.places.enumerated() where place.session?.encoder === encoder {
                place.session?.feed.finish(reason)
                state.doors[broadcast]?.places[number].session = nil
                state.doors[broadcast]?.places[number].onAir.left(encoder.id)
            }
        }
    }

    /// Who owns an IPv6 address owns the other 2^64 of its network too.
    static func network(_ address: String) -> String {
        guard address.contains(":") else { return address }
        var groups = address.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if let gap = groups.firstIndex(of: ""), groups.count < 8 {
            groups.replaceSubrange(gap...gap, with: Array(repeating: "0", count: 9 - groups.count))
        }
        return groups.prefix(4).joined(separator: ":")
    }
}
