/// Whether a player stops, when chunks come at random at `rate` times the pace at which they are played
/// (ParandehGheibi, Médard, Ozdaglar, Shakkottai, JSAC 2011).
package enum StallBound {
    /// The positive root of I = rate (1 - e^-I).
    package static func exponent(rate: Double) -> Double {
        var low = 1e-9
        var high = rate
        for _ in 0..<200 {
            let middle = (low + high) / 2
            if rate * (1 - Elementary.exp(-middle)) > middle { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    package static func probability(rate: Double, prefetched: Double) -> Double {
        Elementary.exp(-exponent(rate: rate) * prefetched)
    }

    /// Seconds from the click to the first picture.
    package static func startup(handshakes: Int, roundTrip: Double, buffer: Double, speed: Double) -> Double {
        Double(handshakes) * roundTrip + buffer / speed
    }
}
