/// Many viewers, with lines and sessions as they are.
enum Crowds {
    static let files = [
        file("thousand", "What do a thousand viewers cost whom a tenth leaves every minute?", viewers: 1_000),
        file("rush", "What becomes of the origin when three thousand viewers come within 20 s?", viewers: 3_000),
        file(
            "hundred-thousand", "What do a hundred thousand viewers cost whom a tenth leaves every minute?",
            viewers: 100_000),
        (
            name: "around-the-world",
            text: """
            # How much later is the picture when viewers are on four continents?
            viewers = 300
            segment-size = 2 MiB
            segment-duration = 4 s
            length = 120 s
            origin-uplink = 10 x
            uplink = lognormal(2 x, 0.5)
            delay = 5 ms
            regions = europe 40 %, north-america 30 %, asia 20 %, south-america 10 %
            arrivals = over(10 s)
            """
        ),
        (
            name: "homes",
            text: """
            # How many copies leave the origin when viewers have the lines that homes have?
            viewers = 200
            segment-size = 2 MiB
            segment-duration = 4 s
            length = 120 s
            origin-uplink = 10 x
            lines = mix(homes)
            arrivals = over(10 s)
            sessions = lognormal(80.2 s, 1.427)
            """
        ),
    ]

    private static func file(_ name: String, _ question: String, viewers: Int) -> (name: String, text: String) {
        (
            name,
            """
            # \(question)
            viewers = \(viewers)
            segment-size = 2 MiB
            segment-duration = 4 s
            length = 120 s
            origin-uplink = 10 x
            uplink = lognormal(2 x, 0.5)
            downlink = 40 Mbit/s
            delay = 20 ms
            arrivals = over(20 s)
            churn = 10 %/min
            """
        )
    }
}
