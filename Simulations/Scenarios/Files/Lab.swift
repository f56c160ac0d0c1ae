/// What the laboratory asks of the real programs, too: 2 MiB every 4 s, 8.39 Mbit/s up, 40 Mbit/s down, and 20 ms on
/// whatever a host sends, so that a round trip takes 40 ms.
enum Lab {
    static let files = [
        file("thirty", "How many copies leave the origin when thirty viewers with twice the bitrate just watch?", ""),
        file("thirty-3x", "How late is the picture when thirty viewers have thrice the bitrate?", "uplink = 3 x"),
        file(
            "scarce", "Who pays when viewers can give only half of what they take?",
            """
            uplink = 0.5 x
            origin-uplink = unlimited
            """),
        file(
            "half-give", "Who pays when half of the viewers give nothing?",
            """
            uplink = 4 x
            free-riders = 50 %
            free-rider-uplink = 0.25 Mbit/s
            """),
        file(
            "flash-crowd", "What does it cost when thirty come to three within five seconds?",
            """
            viewers = 33
            arrivals = flash-crowd(3, 15 s, 5 s)
            """),
        file("exodus", "Who stalls when half of the viewers vanish at once?", "exodus = 50 % at 60 s"),
        file("stalled-peers", "Who waits when every other peer promises and never sends?", "stalled-peers = 50 %"),
        file("hostile-peers", "How far does a lie spread when every other peer sends wrong bytes?", "polluters = 50 %"),
    ]

    private static func file(_ name: String, _ question: String, _ differences: String) -> (name: String, text: String)
    {
        let given = Set(differences.split(separator: "\n").map { $0.prefix { $0 != " " } })
        let common = """
            viewers = 30
            segment-size = 2 MiB
            segment-duration = 4 s
            length = 120 s
            origin-uplink = 2 x
            uplink = 2 x
            downlink = 40 Mbit/s
            delay = 20 ms
            arrivals = over(5 s)
            """
        let lines = common.split(separator: "\n").filter { line in !given.contains(line.prefix { $0 != " " }) }
        return (name, (["# \(question)"] + lines.map(String.init) + [differences]).joined(separator: "\n"))
    }
}
