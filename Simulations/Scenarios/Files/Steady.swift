/// Nothing happens.
enum Steady {
    static let files = [
        (
            name: "steady",
            text: """
            # How many copies leave the origin when thirty viewers just watch?
            viewers = 30
            segment-size = 1 MiB
            segment-duration = 2 s
            length = 60 s
            origin-uplink = 16 Mbit/s
            uplink = 8 Mbit/s
            downlink = 40 Mbit/s
            delay = 20 ms
            arrivals = over(5 s)
            """
        ),
        (
            name: "alone",
            text: """
            # Does a single viewer get the whole picture from the origin?
            viewers = 1
            segment-size = 1 MiB
            segment-duration = 2 s
            length = 60 s
            origin-uplink = 16 Mbit/s
            uplink = 8 Mbit/s
            downlink = 40 Mbit/s
            delay = 20 ms
            arrivals = at-once
            """
        ),
    ]
}
