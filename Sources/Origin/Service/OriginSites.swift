package import NIOCore
import Synchronization
import Vocabulary
package import WebServer

/// The HTTP surface of an origin with several broadcasts: each has its own below its id.
package final class OriginSites: Sendable {
    private let broadcasts = Mutex<[BroadcastID: Broadcast]>([:])
    /// All that there were at the start are there.
    private let isComplete = Atomic(false)
    private let extraMetrics: @Sendable () -> String

    /// - Parameter metrics: what else is counted, in the text format of Prometheus.
    package init(metrics: @escaping @Sendable () -> String) { extraMetrics = metrics }

    package func add(_ broadcast: Broadcast) {
        broadcasts.withLock { $0[broadcast.publication.broadcast] = broadcast }
    }

    package func remove(_ broadcast: Broadcast) {
        broadcasts.withLock { $0[broadcast.publication.broadcast] = nil }
    }

    /// Until then, what is not there may come in a moment.
    package func complete() { isComplete.store(true, ordering: .relaxed) }

    package func answer(_ request: Request, on eventLoop: any EventLoop) -> EventLoopFuture<Response> {
        let first = request.path.split(separator: "/", maxSplits: 1).first.map(String.init) ?? ""
        if let broadcast = BroadcastID(hex: first).flatMap({ id in broadcasts.withLock { $0[id] } }) {
            return broadcast.site.answer(request, on: eventLoop)
        }
        switch request.path {
        case "/": return eventLoop.makeSucceededFuture(page)
        case "/healthz": return eventLoop.makeSucceededFuture(Response(text: "ok\n"))
        case "/metrics":
            return eventLoop.makeSucceededFuture(Response(text: metrics, type: "text/plain; version=0.0.4"))
        case _ where !isComplete.load(ordering: .relaxed):
            return eventLoop.makeSucceededFuture(Response(status: 503, headers: [("retry-after", "1")]))
        default:
            return eventLoop.makeSucceededFuture(
                Response(
                    status: 404, headers: [("content-type", "text/plain"), ("cache-control", "no-store")],
                    body: .bytes(ByteBuffer(string: "not found\n"))))
        }
    }

    /// Segments by their content and known playlists, as most players ask for them.
    package func answer(
        _ request: PlainRequest, from remote: SocketAddress, to body: inout ByteBuffer
    ) -> ShortAnswer? {
        guard let id = OriginSite.broadcast(in: request), let broadcast = broadcasts.withLock({ $0[id] }) else {
            return nil
        }
        return broadcast.site.answer(request, from: remote, to: &body)
    }

    private var all: [Broadcast] { broadcasts.withLock { $0.values.sorted { $0.name < $1.name } } }

    private var page: Response {
        let items = all.map { broadcast in
            """
            <h2>\(HTML.escaped(broadcast.programme.title))</h2>
            <p>Watch through other viewers: <code style="overflow-wrap:anywhere">tributary-peer watch '\(HTML.escaped(broadcast.link))'</code></p>
            <p>Plain HLS: <a href="\(HTML.escaped(broadcast.hls))">\(HTML.escaped(broadcast.hls))</a></p>
            """
        }
        return Response(
            text: """
                <!doctype html><meta charset="utf-8"><title>Broadcasts</title><h1>Broadcasts</h1>
                \(items.isEmpty ? "<p>None yet.</p>" : items.joined(separator: "\n"))

                """, type: "text/html; charset=utf-8")
    }

    private var metrics: String {
        let all = all
        var text = ""
        func gauge(_ name: String, _ value: (Broadcast) -> Int) {
            text += "# TYPE tributary_origin_\(name) gauge\n"
            for broadcast in all {
                text += "tributary_origin_\(name){broadcast=\"\(broadcast.name)\"} \(value(broadcast))\n"
            }
        }
        gauge("newest_sequence") { Int(clamping: $0.publication.figures.newest ?? 0) }
        gauge("listed_segments") { $0.publication.figures.listed }
        gauge("held_bytes") { $0.publication.figures.bytes }
        gauge("closed") { $0.publication.isClosed ? 1 : 0 }
        gauge("live") { $0.state.state == .live ? 1 : 0 }
        // All broadcasts share one uplink.
        text += "# TYPE tributary_origin_delayed_answers_total counter\n"
        text += "tributary_origin_delayed_answers_total \(all.first?.site.uplink.delayed ?? 0)\n"
        return text + extraMetrics()
    }
}
