/// What goes wrong.
enum Trouble {
    static let files = [
        (
            name: "free-riders",
            text: """
            # Who pays when half of the viewers give nothing and say so?
            free-riders = 50 %
            uplink = 16 Mbit/s
            """
        ),
        (
            name: "polluters",
            text: """
            # How far does a lie spread when a tenth of the peers send bad bytes?
            polluters = 10 %
            """
        ),
        (
            name: "liars",
            text: """
            # Who waits when a tenth of the peers claim to have everything?
            liars = 10 %
            """
        ),
        (
            name: "tracker-outage",
            text: """
            # Does anybody notice when the tracker is away for twenty seconds?
            tracker-outage = at 20 s for 20 s
            """
        ),
        (
            name: "origin-outage",
            text: """
            # Does the show go on after the origin was away for four seconds?
            origin-outage = at 20 s for 4 s
            """
        ),
        (
            name: "behind-nat",
            text: """
            # What is lost when most viewers can't be dialled?
            nat = none 20 %, full 20 %, restricted 40 %, symmetric 20 %
            """
        ),
        (
            name: "bad-network",
            text: """
            # What do a lost packet in a hundred and 30 ms of jitter cost?
            loss = 1 %
            jitter = 30 ms
            """
        ),
        (
            name: "shared-homes",
            text: """
            # Who suffers when viewers share a line with others of their home?
            uplink = 16 Mbit/s
            shared-lines = 50 % in groups of 2
            """
        ),
    ]
}
