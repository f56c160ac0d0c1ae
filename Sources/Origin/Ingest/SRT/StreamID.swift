/// What an SRT caller writes into its stream id (SRT Access Control: `#!::r=KEY,m=publish`, or just the key).
package enum StreamID {
    /// The stream key in it; `nil` when it wants to be sent a programme, or names no key.
    package static func key(in text: String) -> String? {
        guard !text.hasPrefix("#!::") else { return resource(in: text.dropFirst(4)) }
        var rest = Substring(text)
        for mode in ["publish:", "publish/"] where rest.hasPrefix(mode) { rest = rest.dropFirst(mode.count) }
        guard !text.hasPrefix("request:"), !text.hasPrefix("read:") else { return nil }
        return last(of: rest)
    }

    private static func resource(in text: Substring) -> String? {
        var key: String?
        for field in text.split(separator: ",") {
            let pair = field.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { continue }
            if pair[0] == "m", pair[1] != "publish" { return nil }
            if pair[0] == "r" { key = last(of: pair[1]) }
        }
        return key
    }

    /// Encoders that know applications write `live/KEY`.
    private static func last(of text: Substring) -> String? {
        text.prefix { $0 != "?" }.split(separator: "/").last.map(String.init)
    }
}
