import WebClient

/// What holds for the answers of a server, whatever they carry.
enum HTTPRules {
    static func findings(playlist head: WebHead, targetDuration: Int, isLive: Bool, at place: String) -> [Finding] {
        var findings = common(head, at: place)
        let type = contentType(head)
        if !["application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl"].contains(type) {
            findings.append(Finding(.http, at: place, "a playlist's Content-Type is \"\(type)\""))
        }
        if isLive, targetDuration > 0, let age = maxAge(head), age * 2 > targetDuration {
            findings.append(
                Finding(.http, at: place, "a playlist may be cached for \(age) s, more than half a target duration"))
        }
        return findings
    }

    static func findings(
        segment head: WebHead, isFragment: Bool, isInitialization: Bool, targetDuration: Int, at place: String
    ) -> [Finding] {
        var findings = common(head, at: place)
        let type = contentType(head)
        let allowed =
            isFragment
            ? ["video/mp4", "audio/mp4", "video/iso.segment", "audio/iso.segment"]
            : ["video/mp2t", "audio/aac", "audio/mpeg"]
        if !allowed.contains(type) {
            findings.append(
                Finding(
                    .http, at: place,
                    "\(isInitialization ? "an initialization section" : "a segment")'s Content-Type is \"\(type)\""))
        }
        if let age = maxAge(head), age < targetDuration {
            findings.append(Finding(.http, at: place, "a segment may be cached for \(age) s only"))
        }
        return findings
    }

    private static func common(_ head: WebHead, at place: String) -> [Finding] {
        guard head.header("access-control-allow-origin") == nil else { return [] }
        return [Finding(.http, at: place, "there is no Access-Control-Allow-Origin")]
    }

    private static func contentType(_ head: WebHead) -> String {
        let type = (head.header("content-type") ?? "").prefix { $0 != ";" }.lowercased()
        return String(type.filter { $0 != " " })
    }

    /// Seconds for which it may be cached; `nil` when nothing says so.
    private static func maxAge(_ head: WebHead) -> Int? {
        guard let control = head.header("cache-control")?.lowercased() else { return nil }
        if control.contains("no-store") || control.contains("no-cache") { return 0 }
        guard let place = control.firstRange(of: "max-age=")?.upperBound else { return nil }
        return Decimals.integer(control[place...].prefix { $0.isNumber })
    }
}
