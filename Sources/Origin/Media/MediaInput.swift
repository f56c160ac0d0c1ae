import Vocabulary

/// Where media comes from, and what that means for how it is read.
package struct MediaInput: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        case file, standardInput, live
        /// Encoders that call our own servers.
        case encoders
    }

    package let text: String
    package let kind: Kind

    package init(_ text: String) {
        self.text = text
        if text == "-" {
            kind = .standardInput
        } else if let colon = text.firstRange(of: "://")?.lowerBound,
            text[..<colon].allSatisfy({ $0.isLetter || $0.isNumber }), text[..<colon] != "file"
        {
            kind = .live
        } else {
            kind = .file
        }
    }

    private init(_ text: String, _ kind: Kind) {
        self.text = text
        self.kind = kind
    }

    /// Whoever holds the broadcast's stream key.
    package static let encoders = MediaInput("an encoder", .encoders)

    package var description: String { kind == .standardInput ? "standard input" : text }

    var url: String {
        switch kind {
        case .file: text.hasPrefix("file:") ? text : "file:" + text
        case .standardInput: "pipe:0"
        case .live: text
        case .encoders: ""
        }
    }

    /// What libavformat may open on the input's behalf: a playlist from elsewhere must not read local files, and a
    /// local file must not call the network.
    var protocols: String {
        switch kind {
        case .file: "file"
        case .standardInput: "pipe"
        case .live:
            isWeb ? "http,https,tls,tcp,crypto,httpproxy" : "udp,rtp,srt,rtmp,rtmps,tls,tcp,rist"
        case .encoders: ""
        }
    }

    private var isWeb: Bool { text.hasPrefix("http://") || text.hasPrefix("https://") }

    /// The source may hand over media faster than it plays.
    var isPaced: Bool { !isLive || isWeb }

    /// It sends as time passes, and may come back when it has gone.
    package var isLive: Bool { kind == .live || kind == .encoders }

    /// The source can say that it has ended, as opposed to falling silent.
    var canEnd: Bool { !isLive || isWeb }

    /// Senders call us, and may come at any time.
    private var isWaiting: Bool {
        ["udp://", "rtp://"].contains(where: { text.hasPrefix($0) }) || text.contains("mode=listener")
            || text.contains("listen=1")
    }

    var openLimit: Interval? { isLive && !isWaiting ? .seconds(20) : nil }
    var readLimit: Interval? { isLive ? .seconds(10) : nil }
}
