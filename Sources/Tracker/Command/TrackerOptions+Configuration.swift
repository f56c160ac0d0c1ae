import CommandLine
import TrackerCore
import TrackerDirectory
import TrackerService
import Vocabulary

extension TrackerOptions {
    init(_ configuration: Configuration) throws(Complaint) {
        self.init()
        http = try configuration.places("listen", default: "127.0.0.1:7070").map { Place($0.host, $0.port) }
        udp = try configuration.places("udp", default: "127.0.0.1:6969").map { Place($0.host, $0.port) }
        data = try configuration.text("data")
        workers = try configuration.number("workers", in: 1...256) ?? TrackerServer.processors
        swarms.isOpen = try configuration.flag("open")
        if try configuration.flag("no-calls") { core.callsPerSecond = 0 }
        if let place = try configuration.place("redis") {
            redis = Redis(Place(place.host, place.port), password: try configuration.text("redis-password"))
        }
        allow = try configuration.text("allow")
        deny = try configuration.text("deny")
        if let rate = try configuration.number("announce-limit", in: 0...1_000_000) { announcesPerSecond = rate }
        if let rate = try configuration.number("request-limit", in: 0...1_000_000) { requestsPerSecond = rate }
        if let count = try configuration.number("max-peers", in: 1...100_000_000) { core.peers = count }
        if let count = try configuration.number("max-clients", in: 1...100_000_000) { swarms.peers = count }
        if let count = try configuration.number("max-broadcasts", in: 1...10_000_000) { core.broadcasts = count }
        if let count = try configuration.number("max-listings", in: 1...1_000_000) { directory.broadcasts = count }
        if let hours = try configuration.number("keep-closed", in: 0...100_000) {
            directory.keepsClosed = .seconds(Double(hours) * 3_600)
        }
        if let seconds = try configuration.number("drain", in: 0...3_600) { drain = .seconds(Double(seconds)) }
    }
}
