import ArgumentParser
import CommandLine
import Inspection
import WebClient
import Wire

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads an HLS stream as a strict player does, and names every rule that it breaks.",
        discussion: """
            Examples:
              tributary-origin check http://127.0.0.1:8080/<id>/master.m3u8
              tributary-origin check --duration 60 http://127.0.0.1:8080/<id>/0/index.m3u8

            It follows all variants, downloads every segment, and ends with exit code 1 when it finds anything.
            """)

    @Argument(help: "The address of a multivariant or media playlist.")
    var url: String

    @Option(help: "Seconds to follow a live stream; one that has ended is read to its end.")
    var duration = 20.0

    @Option(help: "Seconds that news may be later than the standard allows, for a busy machine.")
    var tolerance = 0.5

    @Flag(help: "Tell everything as JSON, one object a line, on standard output.")
    var json = false

    func validate() throws {
        guard (0...1e6).contains(duration) else {
            throw ValidationError("--duration must be from 0 to 1000000 seconds")
        }
        guard (0...1e3).contains(tolerance) else { throw ValidationError("--tolerance must be from 0 to 1000 seconds") }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw ValidationError("\(url) is no http:// or https:// address")
        }
    }

    func run() async {
        await complaining {
            let client = WebClient()
            defer { client.shutdown() }
            var inspector = Inspector(client, tolerance: Int64(tolerance * 1e6))
            let report = await inspector.inspect(url, for: duration)
            for (finding, count) in report.findings {
                guard json else {
                    Events.say("\(finding)\(count > 1 ? ", \(count) times" : "")")
                    continue
                }
                Events.emit([
                    ("event", "finding"), ("item", .string(finding.item.rawValue)), ("place", .string(finding.place)),
                    ("detail", .string(finding.detail)), ("count", .integer(count)),
                ])
            }
            let sum = "\(report.segments) segments in \(report.playlists) playlists, read \(report.readings) times"
            if json {
                Events.emit([
                    ("event", "checked"), ("valid", .bool(report.isValid)), ("playlists", .integer(report.playlists)),
                    ("readings", .integer(report.readings)), ("segments", .integer(report.segments)),
                    ("bytes", .integer(report.bytes)), ("ended", .bool(report.isEnded)),
                ])
            } else if report.isValid {
                Events.say("Valid: \(sum).")
            }
            guard report.isValid else { throw Complaint("\(report.findings.count) rules are broken in \(sum)") }
        }
    }
}
