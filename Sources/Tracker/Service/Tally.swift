import Synchronization

/// What one thread has counted: an addition without a lock.
final class Tally: Sendable {
    enum Event: Int, CaseIterable {
        case connects, udpAnnounces, udpScrapes, httpAnnounces, httpScrapes, socketAnnounces, socketScrapes
        case nativeDatagrams, nativePages
        case unknownHash, isFull, notAllowed, tooFast, peerIsElsewhere
    }

    private let counts = InlineArray<16, Atomic<Int>> { _ in Atomic(0) }

    func count(_ event: Event) { counts[event.rawValue].wrappingAdd(1, ordering: .relaxed) }

    func count(_ refusal: Swarms.Refusal) {
        switch refusal {
        case .unknownHash: count(Event.unknownHash)
        case .isFull: count(Event.isFull)
        case .notAllowed: count(Event.notAllowed)
        case .tooFast: count(Event.tooFast)
        case .peerIsElsewhere: count(Event.peerIsElsewhere)
        }
    }

    subscript(event: Event) -> Int { counts[event.rawValue].load(ordering: .relaxed) }
}

/// The tallies of all threads.
final class Tallies: Sendable {
    private let all = Mutex<[Tally]>([])

    func make() -> Tally {
        let tally = Tally()
        all.withLock { $0.append(tally) }
        return tally
    }

    subscript(event: Tally.Event) -> Int { all.withLock { $0.reduce(0) { $0 + $1[event] } } }
}
