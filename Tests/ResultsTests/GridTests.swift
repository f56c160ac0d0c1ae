import Results
import Testing

@Suite struct `A quantity` {
    @Test func `is compared in one unit, if there is one`() {
        #expect(Quantity.common(["500 kbit/s", "2 Mbit/s"])?.numbers == [0.5, 2])
        #expect(Quantity.common(["500 kbit/s", "2 Mbit/s"])?.unit == "Mbit/s")
        #expect(Quantity.common(["5 %", "10%"])?.numbers == [5, 10])
        #expect(Quantity.common(["5", "10"])?.unit == "")
        #expect(Quantity.common(["5 s", "10 kB"]) == nil)
        #expect(Quantity.common(["stripes", "10"]) == nil)
        #expect(Quantity.common([]) == nil)
    }

    @Test func `orders words with numbers as people do`() {
        let labels = ["uplink 10 Mbit/s", "uplink 2 Mbit/s, viewers 50", "uplink 2 Mbit/s, viewers 5"]
        #expect(labels.sorted(by: Quantity.precedes) == labels.reversed())
    }
}

