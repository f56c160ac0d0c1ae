import PeerCore
import Vocabulary
import Wire
import WebServer

/// The picture of the swarm as this viewer sees it: a plain page that renews itself, and the same as JSON.
struct StatusPage {
    private let report: Report
    private let programme: Programme
    private let base: String

    init(_ report: Report, programme: Programme, base: String) {
        self.report = report
        self.programme = programme
        self.base = base
    }

    // MARK: JSON

    var json: JSONValue {
        .object(
            [
                ("title", .string(report.title)),
                ("hls", .string(base + "/master.m3u8")),
            ] + report.figures + [
                ("links", .array(report.neighbors.map(Self.json))),
                ("segments", .array(report.segments.map(Self.json))),
                ("refused_requests", Report.counts(report.refusedRequests)),
            ])
    }

    private static func json(_ neighbor: Swarm.NeighborPicture) -> JSONValue {
        .object([
            ("peer", .string(neighbor.peer.description)),
            ("endpoint", neighbor.endpoint.map { .string("\($0)") } ?? .null),
            ("bytes_received", .integer(neighbor.bytesReceived)),
            ("bytes_sent", .integer(neighbor.bytesSent)),
            ("chokes_us", .bool(neighbor.chokesUs)),
            ("choked", .bool(neighbor.isChoked)),
            ("piece_ms", .integer(Int(neighbor.pieceTime.milliseconds))),
        ])
    }

    /// One letter a piece: p from a peer, o from the origin, w wanted, f being fetched from the origin, - missing.
    private static func json(_ segment: Swarm.SegmentPicture) -> JSONValue {
        let letters = segment.pieces.map { piece -> Character in
            switch piece {
            case .fromPeer: "p"
            case .fromOrigin: "o"
            case .wanted: "w"
            case .fetching: "f"
            case .missing: "-"
            }
        }
        return .object([
            ("sequence", .integer(segment.segment.sequence)),
            ("slack_ms", .integer(Int(segment.slack.milliseconds))),
            ("pieces", .string(String(letters))),
        ])
    }

    // MARK: HTML

    var html: String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
        <title>\(HTML.escaped(report.title.isEmpty ? "Tributary" : report.title))</title>
        <style>\(Self.style)</style></head><body>
        <h1>\(HTML.escaped(report.title.isEmpty ? "Waiting for the broadcast" : report.title))</h1>
        <p class="lead">\(lead)</p>
        <div class="numbers">\(numbers)</div>
        <h2>The swarm around this viewer</h2>
        \(swarm)
        <h2>The newest segments</h2>
        <p class="key"><i class="p"></i> from peers <i class="o"></i> from the origin <i class="w"></i> on its way
        <i class="f"></i> being fetched from the origin <i class="m"></i> missing</p>
        \(grid)
        <h2>Why the origin was asked</h2>
        \(table(report.fetched, unit: "pieces", none: "It has not been asked for a piece."))
        <h2>What was turned away</h2>
        \(table(flaws, unit: "times", none: "Nothing."))
        <p class="foot">Origin \(HTML.escaped(report.originURL)): \(report.originState).
        Tracker \(HTML.escaped(report.trackerURL ?? "none")): \(report.trackerState).
        Play <code>\(HTML.escaped(base))/master.m3u8</code></p>
        </body></html>
        """
    }

    private var lead: String {
        let share = report.offload.map { "\(Int(($0 * 100).rounded())) % of the video came from other viewers" }
        let state = report.isClosed ? "The broadcast is over." : report.isSharing ? "" : "Sharing is off: origin only."
        return [share.map { $0 + "." }, state.isEmpty ? nil : state].compactMap { $0 }.joined(separator: " ")
    }

    private var numbers: String {
        var cells: [(String, String)] = [
            ("from peers", Self.size(report.tally.bytesFromPeers)),
            ("from the origin", Self.size(report.tally.bytesFromOrigin)),
            ("to the player", Self.size(report.bytesToPlayer)),
            ("given to peers", Self.size(report.tally.bytesUploaded)),
            ("offload", report.offload.map { "\(Int(($0 * 100).rounded())) %" } ?? "-"),
            ("copies we took", report.originShare.map { Self.decimal($0, 2) } ?? "-"),
            ("slack", report.slack.map { Self.decimal($0.seconds, 1) + " s" } ?? "-"),
            ("behind live", report.latency.map { Self.decimal($0.seconds, 1) + " s" } ?? "-"),
            ("stalls", "\(report.stalls)"),
            ("pieces refused", "\(report.piecesRefused)"),
            ("viewers", "\(report.viewers)"),
            ("neighbors", "\(report.neighbors.count)"),
        ]
        if let lease = report.lease { cells.append(("injector", "\(lease.index + 1) of \(lease.count)")) }
        return cells.map { "<div><b>\($0.1)</b>\($0.0)</div>" }.joined()
    }

    /// This viewer in the middle, its neighbors around it; the lines are as thick as what has flowed over them.
    private var swarm: String {
        let neighbors = report.neighbors
        guard !neighbors.isEmpty else { return "<p>No neighbors: everything comes from the origin.</p>" }
        let most = max(1, neighbors.map { max($0.bytesReceived, $0.bytesSent) }.max() ?? 1)
        var lines = ""
        var dots = ""
        for (position, neighbor) in neighbors.enumerated() {
            // Twelve places an ellipse, then a wider one.
            let (x, y) = Self.place(position, of: neighbors.count)
            let received = 1 + 9 * neighbor.bytesReceived / most
            let sent = 1 + 9 * neighbor.bytesSent / most
            lines +=
                "<line class=\"in\" x1=\"\(x)\" y1=\"\(y - 4)\" x2=\"360\" y2=\"146\" stroke-width=\"\(received)\"/>"
            lines += "<line class=\"out\" x1=\"\(x)\" y1=\"\(y + 4)\" x2=\"360\" y2=\"154\" stroke-width=\"\(sent)\"/>"
            dots += "<circle cx=\"\(x)\" cy=\"\(y)\" r=\"14\"><title>\(neighbor.peer)</title></circle>"
            dots += "<text x=\"\(x)\" y=\"\(y - 20)\">\(String(neighbor.peer.description.prefix(6)))</text>"
            dots +=
                "<text class=\"small\" x=\"\(x)\" y=\"\(y + 28)\">\(Self.size(neighbor.bytesReceived)) in, "
                + "\(Self.size(neighbor.bytesSent)) out</text>"
        }
        return """
            <svg viewBox="0 0 720 300" role="img">\(lines)<circle class="me" cx="360" cy="150" r="22"/>\
            <text x="360" y="154">you</text>\(dots)</svg>
            <p class="key"><i class="in"></i> received <i class="out"></i> sent</p>
            """
    }

    /// The neighbors' places on an ellipse, from a table of a quarter turn so that no mathematics library is needed.
    private static func place(_ position: Int, of count: Int) -> (Int, Int) {
        let sines = [0.0, 0.131, 0.259, 0.383, 0.5, 0.609, 0.707, 0.793, 0.866, 0.924, 0.966, 0.991, 1.0]
        let step = position * 48 / max(1, count) % 48
        func sine(_ step: Int) -> Double {
            let step = step % 48
            switch step {
            case 0...12: return sines[step]
            case 13...24: return sines[24 - step]
            case 25...36: return -sines[step - 24]
            default: return -sines[48 - step]
            }
        }
        return (360 + Int(280 * sine(step + 12)), 150 + Int(100 * sine(step)))
    }

    private var grid: String {
        let rows = report.segments.reversed().map { segment in
            let pieces = segment.pieces.map { piece -> String in
                let name =
                    switch piece {
                    case .fromPeer: "p"
                    case .fromOrigin: "o"
                    case .wanted: "w"
                    case .fetching: "f"
                    case .missing: "m"
                    }
                return "<i class=\"\(name)\"></i>"
            }
            return "<tr><th>\(segment.segment.sequence)</th><td>\(pieces.joined())</td></tr>"
        }
        return rows.isEmpty ? "<p>None yet.</p>" : "<table class=\"grid\">\(rows.joined())</table>"
    }

    private var flaws: [String: Int] {
        var all: [String: Int] = [:]
        for (kind, counts) in [
            ("link", report.linkFlaws), ("origin", report.originFlaws), ("tracker", report.trackerFlaws),
            ("request", report.refusedRequests),
        ] {
            for (reason, count) in counts { all["\(kind): \(reason)"] = count }
        }
        if report.piecesRefused > 0 { all["piece: not what the record says"] = report.piecesRefused }
        return all
    }

    private func table(_ counts: [String: Int], unit: String, none: String) -> String {
        let rows = counts.sorted { $0.key < $1.key }.filter { $0.value > 0 }
        guard !rows.isEmpty else { return "<p>\(none)</p>" }
        return "<table>"
            + rows.map { "<tr><th>\(HTML.escaped($0.key))</th><td>\($0.value) \(unit)</td></tr>" }.joined() + "</table>"
    }

    private static let style = """
        body{font:15px/1.4 system-ui,sans-serif;max-width:760px;margin:2em auto;padding:0 1em;color:#1b2733}
        h1{font-size:1.5em;margin:0}h2{font-size:1.05em;margin:1.6em 0 .4em}.lead{color:#456}
        .numbers{display:grid;grid-template-columns:repeat(auto-fill,minmax(110px,1fr));gap:8px}
        .numbers div{background:#f2f5f8;border-radius:6px;padding:6px 10px;font-size:.85em;color:#567}
        .numbers b{display:block;font-size:1.35em;color:#1b2733}
        svg{width:100%;background:#f8fafc;border-radius:6px}circle{fill:#5b8def}.me{fill:#1b2733}
        text{text-anchor:middle;font-size:11px;fill:#345}.me+text{fill:#fff}.small{font-size:9px}
        line.in{stroke:#2a9d6f;opacity:.6}line.out{stroke:#e0912f;opacity:.6}
        i{display:inline-block;width:9px;height:9px;margin:1px;border-radius:2px;background:#dde3ea}
        i.p,i.in{background:#2a9d6f}i.o,i.out{background:#e0912f}i.w{background:#a9d8c3}i.f{background:#f4d3a4}
        .key{font-size:.85em;color:#567}table{border-collapse:collapse}th{text-align:left;font-weight:500;padding-right:1em}
        .grid td{line-height:9px}.foot{margin-top:2em;font-size:.85em;color:#567}
        """

    private static func size(_ bytes: Int) -> String {
        switch bytes {
        case ..<1_000: "\(bytes) B"
        case ..<1_000_000: "\(bytes / 1_000) kB"
        default: decimal(Double(bytes) / 1e6, 1) + " MB"
        }
    }

    private static func decimal(_ value: Double, _ digits: Int) -> String {
        let scale = digits == 1 ? 10.0 : 100.0
        let scaled = Int((min(max(value, -1e9), 1e9) * scale).rounded())
        let fraction = String(abs(scaled) % Int(scale))
        return "\(scaled < 0 ? "-" : "")\(abs(scaled) / Int(scale))."
            + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}
