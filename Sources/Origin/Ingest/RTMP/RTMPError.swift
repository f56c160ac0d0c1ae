/// Why what an encoder sends is not RTMP, or none that we take.
package enum RTMPError: Error, Hashable, Sendable, CustomStringConvertible {
    case notRTMP
    case truncated
    case oversized(length: Int, limit: Int)
    case tooMany(String)
    case tooDeep
    case unknownMarker(UInt8)
    case outOfRange(String)
    /// A chunk continues a message that has not begun.
    case withoutBeginning
    case outOfOrder(String)

    package var description: String {
        switch self {
        case .notRTMP: "it does not speak RTMP"
        case .truncated: "a message ends in the middle"
        case .oversized(let length, let limit): "a message of \(length) bytes is longer than \(limit)"
        case .tooMany(let what): "too many \(what)"
        case .tooDeep: "values are nested too deeply"
        case .unknownMarker(let marker): "a value has the unknown type \(marker)"
        case .outOfRange(let what): "\(what) is out of range"
        case .withoutBeginning: "a chunk continues a message that has not begun"
        case .outOfOrder(let what): "\(what) came at the wrong time"
        }
    }

    /// A short name for counters.
    package var reason: String {
        switch self {
        case .notRTMP: "not_rtmp"
        case .truncated: "truncated"
        case .oversized: "oversized"
        case .tooMany: "too_many"
        case .tooDeep: "too_deep"
        case .unknownMarker: "unknown_marker"
        case .outOfRange: "out_of_range"
        case .withoutBeginning: "without_beginning"
        case .outOfOrder: "out_of_order"
        }
    }
}
