import Integrity
import Vocabulary
package import WebClient

/// What the origin says its broadcast consists of, collected while it is live.
package actor Ledger {
    package struct Entry: Sendable, Hashable {
        package var root: String
        package var url: String
    }

    package private(set) var entries: [Int: Entry] = [:]
    /// Sequence numbers for which the origin has named two contents.
    package private(set) var contradictions: [Int] = []
    private let hls: String
    private let client: WebClient

    /// - Parameter hls: the URL of the origin's multivariant playlist.
    package init(of hls: String, client: WebClient) {
        self.hls = hls
        self.client = client
    }

    /// Follows the origin's playlist until the task is cancelled, whatever happens to the origin.
    package func follow() async {
        while !Task.isCancelled {
            await read()
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    package func read() async {
        guard let master = try? await client.get(hls, limit: 1 << 20, timeout: .seconds(5)), master.status == 200
        else { return }
        let media = Playlist(parsing: master.body).variants.first.map { Player.resolve($0, against: hls) } ?? hls
        guard let answer = try? await client.get(media, limit: 4 << 20, timeout: .seconds(5)), answer.status == 200
        else { return }
        for segment in Playlist(parsing: answer.body).segments {
            let url = Player.resolve(segment.uri, against: media)
            let file = url.split(separator: "/").last ?? ""
            let entry = Entry(root: String(file.prefix { $0 != "." }), url: url)
            if let known = entries[segment.sequence], known.root != entry.root {
                contradictions.append(segment.sequence)
            }
            entries[segment.sequence] = entry
        }
    }

    /// Bytes in the origin's own copies of what `sequences` names, by what players have received of them.
    package func body(of sequence: Int) async -> [UInt8]? {
        guard let entry = entries[sequence],
            let answer = try? await client.get(entry.url, limit: 64 << 20, timeout: .seconds(20)),
            answer.status == 200
        else { return nil }
        return answer.body
    }
}

/// What a player received, held against what the origin cut.
package struct Comparison: Sendable {
    package private(set) var compared = 0
    /// One sentence for each segment that differs.
    package private(set) var differences: [String] = []

    /// Compares content hashes, which the player computed from the bytes that it received.
    package init(_ report: Player.Report, with ledger: Ledger) async {
        let entries = await ledger.entries
        for segment in report.segments {
            guard let entry = entries[segment.sequence] else { continue }
            compared += 1
            if "\(segment.root)" != entry.root {
                differences.append("segment \(segment.sequence) is \(segment.root), the origin cut \(entry.root)")
            }
        }
    }

    /// Downloads the origin's own bytes once more and compares those.
    package init(bytesOf report: Player.Report, with ledger: Ledger) async {
        for segment in report.segments {
            guard let body = await ledger.body(of: segment.sequence) else { continue }
            compared += 1
            if body.count != segment.length || SHA256.hash(body) != segment.digest {
                differences.append("segment \(segment.sequence) differs from the origin's \(body.count) bytes")
            }
        }
    }
}
