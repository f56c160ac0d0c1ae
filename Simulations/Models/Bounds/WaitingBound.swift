/// How long transfers take on links with a queue.
package enum Waiting {
    /// Times a flow takes over the time it takes alone, on a link that all share evenly (M/G/1 processor sharing).
    package static func sharedSlowdown(load: Double) -> Double { 1 / (1 - load) }

    /// The same when no flow can use more than 1 / `slots` of the link.
    package static func cappedSlowdown(load: Double, slots: Int) -> Double {
        1 + erlangC(slots: slots, offered: load * Double(slots)) / (Double(slots) * (1 - load))
    }

    /// The probability that all of `slots` are taken.
    package static func erlangC(slots: Int, offered: Double) -> Double {
        var b = 1.0
        for n in 1...slots { b = offered * b / (Double(n) + offered * b) }
        let load = offered / Double(slots)
        return b / (1 - load * (1 - b))
    }

    /// Service times before the first byte when equal transfers queue for one uplink (M/D/1, Pollaczek and Khinchine).
    package static func fifo(load: Double) -> Double { load / (2 * (1 - load)) }
}
