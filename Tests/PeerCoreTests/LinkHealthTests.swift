import Testing
import Vocabulary

@testable import PeerCore

@Suite struct `A neighbor's health` {
    @Test func `is doubted for longer each time that nothing comes, until something does`() {
        var health = LinkHealth()
        var now = Instant.zero
        func rest() -> Interval {
            health.timedOut(at: now)
            health.timedOut(at: now)
            let since = now
            while health.isDemoted(at: now) { now = now + .seconds(1) }
            return now - since
        }
        let rests = [rest(), rest(), rest()]
        #expect(rests == [.seconds(10), .seconds(20), .seconds(40)])
        health.brought()
        #expect(rest() == .seconds(10))
    }
}
