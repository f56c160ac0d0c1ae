/// How likely each place of a player's buffer is filled, by the mean field of Zhou, Chiu, Lui (ICNP 2007).
///
/// `p[0]` is the newest of `places`; the last is played. The cells are taken as independent, which is nearly true for
/// rarest-first and wrong by a factor of two for the start-up time of greedy.
package enum PullRecursion {
    package static func rarestFirst(viewers: Double, places: Int) -> [Double] {
        var p = [1 / viewers]
        for _ in 1..<places { p.append(rarest(p[p.count - 1])) }
        return p
    }

    /// The one closest to playing.
    package static func greedy(viewers: Double, places: Int) -> [Double] {
        mixed(viewers: viewers, places: places, rarest: 0)
    }

    /// Rarest-first on the newest `rarest` places; when they have nothing, greedy on the others.
    package static func mixed(viewers: Double, places: Int, rarest: Int) -> [Double] {
        var head = [1 / viewers]
        for _ in 0..<min(rarest, places - 1) { head.append(self.rarest(head[head.count - 1])) }
        let first = head[head.count - 1]
        // The last place is the fixed point of the rest, which falls as the last place rises.
        var low = 0.0
        var high = 1.0
        var p = head
        for _ in 0..<100 {
            let last = (low + high) / 2
            p = head
            while p.count < places {
                let now = p[p.count - 1]
                // next = now + now (1 - now) (1 - first - last + next), solved for next.
                let spread = now * (1 - now)
                p.append((now + spread * (1 - first - last)) / (1 - spread))
            }
            if p[p.count - 1] > last { low = last } else { high = last }
        }
        return p
    }

    private static func rarest(_ p: Double) -> Double { p + p * (1 - p) * (1 - p) }
}
