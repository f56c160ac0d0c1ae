import CommandLine
import OriginService
import Vocabulary
import Wire

/// What happens to a broadcast, as JSON lines.
enum BroadcastEvents {
    /// - Parameter name: which one, where there are several.
    static func emit(_ event: Broadcast.Event, of name: String? = nil) {
        let names = name.map { [("name", JSONValue.string($0))] } ?? []
        switch event {
        case .published(let record):
            Events.emit(
                [("event", "segment")] + names + [
                    ("rendition", .integer(record.segment.rendition)),
                    ("sequence", .integer(record.segment.sequence)), ("root", .string("\(record.root)")),
                    ("length", .integer(record.length)), ("duration", .number(Double(record.duration) / 1e6)),
                    ("discontinuity", .bool(record.isDiscontinuity)),
                ])
        case .state(let state, let sentence):
            Events.emit(
                [("event", "state")] + names + [("state", .string(state.rawValue)), ("sentence", .string(sentence))])
        case .over: break
        }
    }
}
