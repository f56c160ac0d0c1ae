package import NIOCore

/// What one server takes from strangers before it says no.
package struct ServerLimits: Sendable {
    /// Bytes of one header field, name and value together.
    package var headerField = 16 << 10
    /// Bytes of all header fields of one request.
    package var headerList = 32 << 10
    package var headerFields = 64
    /// Bytes of the request target.
    package var target = 8 << 10
    /// Bytes of one request body.
    package var body = 64 << 10
    package var connections = 256
    /// Of these, connections from one host: an IPv4 address, or the /64 of an IPv6 address.
    package var connectionsPerAddress = Int.max
    /// This machine's own have no such bound: a proxy in front brings everybody's requests from one address.
    package var sparesLoopback = false
    /// Requests of one connection that wait behind the one being answered.
    package var pipeline = 32
    /// How long a connection may lie idle between requests, send its body, or not take what was written to it.
    package var idle = TimeAmount.seconds(30)
    /// How long a request's head may take from its first byte.
    package var header = TimeAmount.seconds(10)

    package init() {}
}
