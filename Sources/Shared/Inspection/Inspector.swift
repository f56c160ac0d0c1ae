import Vocabulary
package import WebClient

/// Plays the part of a strict player: reads all playlists of a stream and every segment in them, for as long as asked,
/// and says what breaks a rule.
package struct Inspector {
    package struct Report: Sendable {
        /// Each with how often it was found, in the order of their first appearance.
        package fileprivate(set) var findings: [(finding: Finding, count: Int)] = []
        package fileprivate(set) var playlists = 0
        package fileprivate(set) var readings = 0
        package fileprivate(set) var segments = 0
        package fileprivate(set) var bytes = 0
        /// The stream has ended, and all of it was read.
        package fileprivate(set) var isEnded = false
        package fileprivate(set) var hasFragments = false

        package var isValid: Bool { findings.isEmpty }

        fileprivate mutating func note(_ found: [Finding]) {
            for finding in found {
                if let place = findings.firstIndex(where: { $0.finding == finding }) {
                    findings[place].count += 1
                } else if findings.count < 200 {
                    findings.append((finding, 1))
                }
            }
        }
    }

    private static let playlistLimit = 4 << 20

    private let client: WebClient
    private let clock = ContinuousClock()
    private let begin: ContinuousClock.Instant
    private let tolerance: Int64
    private var followers: [Follower] = []
    private var multivariant: String?
    private var report = Report()

    /// - Parameter tolerance: microseconds that news may be later than the standard allows, for busy machines.
    package init(_ client: WebClient, tolerance: Int64 = 500_000) {
        self.client = client
        self.tolerance = tolerance
        begin = clock.now
    }

    /// One media playlist that is followed.
    private struct Follower {
        let url: String
        /// Bits per second that the multivariant playlist promises; 0 for none.
        var bandwidth: Int
        var history: History
        var continuity = Continuity()
        var initializations: [String: InitializationReading] = [:]
        var next: Int?
        var checkedRetention: Set<Int> = []
        var isDone = false
    }

    /// Follows the stream at `url` for `seconds`, or to its end.
    package mutating func inspect(_ url: String, for seconds: Double) async -> Report {
        guard await open(url) else { return report }
        while !Task.isCancelled {
            for index in followers.indices where !followers[index].isDone { await step(index) }
            report.note(Alignment.findings(followers.compactMap { $0.history.last }))
            if followers.allSatisfy(\.isDone) {
                report.isEnded = true
                break
            }
            guard now < Int64(seconds * 1e6) else { break }
            let target = followers.compactMap { $0.history.last?.targetDuration }.min() ?? 2
            try? await Task.sleep(for: .milliseconds(min(1_000, max(1, target) * 300)))
        }
        return report
    }

    /// Microseconds since the beginning.
    private var now: Int64 {
        let time = begin.duration(to: clock.now).components
        return time.seconds * 1_000_000 + time.attoseconds / 1_000_000_000_000
    }

    private func get(_ url: String, headers: [(String, String)] = [], range: Range<Int>? = nil, limit: Int) async
        -> Result<(head: WebHead, body: [UInt8]), WebFailure>
    {
        do throws(WebFailure) {
            return .success(
                try await client.answer(
                    to: WebRequest(url, headers: headers, range: range, limit: limit, timeout: .seconds(30))))
        } catch {
            return .failure(error)
        }
    }

    private func fault(of result: Result<(head: WebHead, body: [UInt8]), WebFailure>) -> String? {
        switch result {
        case .failure(let failure): "\(failure)"
        case .success(let answer) where (300..<400).contains(answer.head.status):
            "it is redirected (\(answer.head.status))"
        case .success(let answer):
            answer.head.status == 200 || answer.head.status == 206 ? nil : "the server answers \(answer.head.status)"
        }
    }

    private mutating func open(_ url: String) async -> Bool {
        let result = await get(url, limit: Self.playlistLimit)
        guard fault(of: result) == nil, case .success(let answer) = result else {
            report.note([Finding(.availability, at: url, fault(of: result) ?? "")])
            return false
        }
        let reading = PlaylistReading(parsing: answer.body, at: url)
        guard reading.isMultivariant else {
            followers = [Follower(url: url, bandwidth: 0, history: History(tolerance: tolerance))]
            report.playlists = 1
            await checkCompression(of: url)
            return true
        }
        multivariant = url
        report.note(reading.findings)
        report.note(HTTPRules.findings(playlist: answer.head, targetDuration: 0, isLive: false, at: url))
        await checkCompression(of: url)
        // A rendition of its own comes with every variant of its group, within what that one promises.
        for (uri, bandwidth) in reading.variants.map({ ($0.uri, $0.bandwidth) }) + reading.media.map({ ($0.uri, 0) }) {
            let whole = Self.resolve(uri, against: url)
            guard !uri.isEmpty, !followers.contains(where: { $0.url == whole }) else { continue }
            followers.append(Follower(url: whole, bandwidth: bandwidth, history: History(tolerance: tolerance)))
        }
        report.playlists = followers.count
        return true
    }

    /// Who accepts gzip gets it (Apple 8.19).
    private mutating func checkCompression(of url: String) async {
        guard
            case .success(let answer) = await get(
                url, headers: [("accept-encoding", "gzip")], limit: Self.playlistLimit),
            answer.head.status == 200, answer.head.header("content-encoding")?.lowercased() != "gzip"
        else { return }
        report.note([Finding(.http, at: url, "a playlist is not compressed with gzip for those who accept it")])
    }

    private mutating func step(_ index: Int) async {
        let url = followers[index].url
        let result = await get(url, limit: Self.playlistLimit)
        guard fault(of: result) == nil, case .success(let answer) = result else {
            return report.note([Finding(.availability, at: url, fault(of: result) ?? "")])
        }
        let isFirst = followers[index].history.last == nil
        let reading = PlaylistReading(parsing: answer.body, at: url)
        report.readings += 1
        report.note(reading.findings)
        if isFirst {
            report.note(
                HTTPRules.findings(
                    playlist: answer.head, targetDuration: reading.targetDuration, isLive: !reading.isEnded, at: url))
            await checkCompression(of: url)
        }
        report.note(followers[index].history.add(reading, at: now))
        for segment in reading.segments where segment.sequence >= followers[index].next ?? 0 {
            followers[index].next = segment.sequence + 1
            guard !segment.isGap else { continue }
            await read(segment, of: reading, index)
        }
        if !reading.isEnded { await checkRetention(index) }
        followers[index].isDone = reading.isEnded
    }

    private mutating func read(_ segment: PlaylistReading.Segment, of reading: PlaylistReading, _ index: Int) async {
        let url = Self.resolve(segment.uri, against: reading.place)
        let initialization = await initialization(of: segment, reading, index)
        let result = await get(url, limit: Limits.segmentLength)
        guard fault(of: result) == nil, case .success(let answer) = result else {
            return report.note([Finding(.availability, at: url, "a listed segment: \(fault(of: result) ?? "")")])
        }
        report.segments += 1
        report.bytes += answer.body.count
        report.note(
            HTTPRules.findings(
                segment: answer.head, isFragment: segment.map != nil, isInitialization: false,
                targetDuration: reading.targetDuration, at: url))
        guard segment.map == nil || initialization != nil else { return }
        let media = MediaReading(answer.body, initialization: initialization)
        report.note(media.faults.map { Finding(.container, at: url, $0) })
        if reading.isIndependent, let video = media.video, !video.beginsWithKeyframe {
            report.note([
                Finding(.keyframe, at: url, "it begins without a keyframe, against EXT-X-INDEPENDENT-SEGMENTS")
            ])
        }
        report.note(
            followers[index].continuity.add(
                media, sequence: segment.sequence, duration: segment.duration, isNew: segment.isDiscontinuity, at: url))
        // The peak is that of stretches between half and one and a half target durations (section 4.4.6.2).
        guard followers[index].bandwidth > 0, segment.duration * 2 >= Int64(reading.targetDuration) * 1_000_000 else {
            return
        }
        let rate = Int64(answer.body.count) * 8_000_000 / max(1, segment.duration)
        if rate > Int64(followers[index].bandwidth) { await readPromises() }
        let promised = followers[index].bandwidth
        if rate > Int64(promised) {
            report.note([
                Finding(.multivariant, at: url, "it has \(rate) bits per second, and BANDWIDTH is \(promised)")
            ])
        }
    }

    /// Before all segments are encoded BANDWIDTH is that of a representative period (RFC 8216, section 4.3.4.2), which a server
    /// may know better by now.
    private mutating func readPromises() async {
        guard let multivariant, case .success(let answer) = await get(multivariant, limit: Self.playlistLimit) else {
            return
        }
        for variant in PlaylistReading(parsing: answer.body, at: multivariant).variants {
            let url = Self.resolve(variant.uri, against: multivariant)
            guard let index = followers.firstIndex(where: { $0.url == url }) else { continue }
            followers[index].bandwidth = variant.bandwidth
        }
    }

    private mutating func initialization(
        of segment: PlaylistReading.Segment, _ reading: PlaylistReading, _ index: Int
    ) async -> InitializationReading? {
        guard let map = segment.map else { return nil }
        report.hasFragments = true
        let url = Self.resolve(map, against: reading.place)
        if let known = followers[index].initializations[url] { return known }
        let result = await get(url, limit: 1 << 20)
        guard fault(of: result) == nil, case .success(let answer) = result else {
            report.note([Finding(.availability, at: url, "an initialization section: \(fault(of: result) ?? "")")])
            return nil
        }
        report.note(
            HTTPRules.findings(
                segment: answer.head, isFragment: true, isInitialization: true, targetDuration: reading.targetDuration,
                at: url))
        let initialization = InitializationReading(answer.body)
        report.note(initialization.faults.map { Finding(.container, at: url, $0) })
        followers[index].initializations[url] = initialization
        return initialization
    }

    private mutating func checkRetention(_ index: Int) async {
        let retained = followers[index].history.retained(at: now)
        for (sequence, uri) in retained where !followers[index].checkedRetention.contains(sequence) {
            followers[index].checkedRetention.insert(sequence)
            let url = Self.resolve(uri, against: followers[index].url)
            let result = await get(url, range: 0..<1, limit: Limits.segmentLength)
            guard let fault = fault(of: result) else { continue }
            report.note([Finding(.retention, at: url, "a segment that has just left the list: \(fault)")])
        }
    }

    /// RFC 3986, section 5.2, as far as playlists use it.
    package static func resolve(_ uri: String, against base: String) -> String {
        if uri.contains("://") { return uri }
        let path = base.prefix { $0 != "?" && $0 != "#" }
        guard let scheme = path.firstRange(of: "://")?.upperBound else { return uri }
        let root = path[scheme...].firstIndex(of: "/") ?? path.endIndex
        if uri.hasPrefix("//") { return path[..<scheme].dropLast(2) + uri }
        var folders =
            uri.hasPrefix("/")
            ? [] : path[root...].split(separator: "/", omittingEmptySubsequences: false).dropLast().dropFirst()
        let query = uri.firstIndex { $0 == "?" } ?? uri.endIndex
        for part in uri[..<query].split(separator: "/", omittingEmptySubsequences: false).drop(while: { $0.isEmpty }) {
            switch part {
            case ".": break
            case "..": folders = folders.dropLast()
            default: folders.append(part)
            }
        }
        return path[..<root] + "/" + folders.joined(separator: "/") + uri[query...]
    }
}
