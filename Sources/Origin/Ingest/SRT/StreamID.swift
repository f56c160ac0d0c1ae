/// What an SRT caller writes into its stream id (SRT Access Control: `#!::r=KEY,m=publish`, or just the key).
package enum StreamID {
    /// The ticket in it; `nil` when it wants to be sent a programme, or names no key.
    package static func ticket(in text: String) -> Ticket? {
        guard !text.hasPrefix("#!::") else { return resource(in: text.dropFirst(4)) }
        guard !text.hasPrefix("request:"), !text.hasPrefix("read:") else { return nil }
        let mode = ["publish:", "publish/"].first { text.hasPrefix($0) } ?? ""
        return Ticket(text.dropFirst(mode.count))
    }

    private static func resource(in text: Substring) -> Ticket? {
        var ticket: Ticket?
        var rendition: Int?
        for field in text.split(separator: ",") {
            let pair = field.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { continue }
            if pair[0] == "m", pair[1] != "publish" { return nil }
            if pair[0] == "r" { ticket = Ticket(pair[1]) }
            if pair[0] == "rendition" { rendition = Ticket.number(pair[1]) }
        }
        if let rendition { ticket?.rendition = rendition }
        return ticket
    }
}
