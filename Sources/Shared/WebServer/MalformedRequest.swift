import Synchronization

/// Why a request or a connection was turned away.
package enum MalformedRequest: String, CaseIterable, Sendable {
    /// Not HTTP/1, or two readings of it are possible.
    case syntax
    case target
    case targetTooLong = "target_too_long"
    case headersTooLarge = "headers_too_large"
    case bodyTooLarge = "body_too_large"
    case pipelineTooDeep = "pipeline_too_deep"
    /// The connection ended in the middle of a request.
    case truncated
    case headTimeout = "head_timeout"
    case bodyTimeout = "body_timeout"
    /// The client did not take what it had asked for.
    case stalled
    case tooManyConnections = "too_many_connections"

    var status: Int {
        switch self {
        case .syntax, .target, .pipelineTooDeep, .truncated: 400
        case .targetTooLong: 414
        case .headersTooLarge: 431
        case .bodyTooLarge: 413
        case .headTimeout, .bodyTimeout, .stalled: 408
        case .tooManyConnections: 503
        }
    }
}

/// How often each kind of malformed request has come.
final class MalformedRequests: Sendable {
    private let counts = Mutex<[MalformedRequest: Int]>([:])

    func count(_ reason: MalformedRequest) {
        counts.withLock { $0[reason, default: 0] += 1 }
    }

    var all: [MalformedRequest: Int] { counts.withLock { $0 } }
}
