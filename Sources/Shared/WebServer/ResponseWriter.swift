package import NIOCore

/// The rest of one streamed answer. Only for use on the connection's event loop.
///
/// When the connection goes away, `onClose` runs once and everything written later is dropped.
// Unchecked because every method checks at run time that it is called on the loop that confines the state.
package final class ResponseWriter: @unchecked Sendable {
    package let eventLoop: any EventLoop
    private var connection: Connection?
    private var remaining: Int?
    private let isChunked: Bool
    private var writable: (() -> Void)?
    private var close: (() -> Void)?

    init(_ connection: Connection, eventLoop: any EventLoop, length: Int?, isChunked: Bool) {
        self.connection = connection
        self.eventLoop = eventLoop
        self.isChunked = isChunked
        remaining = length
    }

    /// Whether the answer may still be written to.
    package var isOpen: Bool {
        eventLoop.preconditionInEventLoop()
        return connection != nil
    }

    /// Whether the connection takes more without piling it up in memory; when it does not, wait for `onWritable`.
    package var isWritable: Bool {
        eventLoop.preconditionInEventLoop()
        return connection?.isWritable ?? false
    }

    /// Runs each time the connection becomes writable again.
    package func onWritable(_ callback: @escaping () -> Void) {
        eventLoop.preconditionInEventLoop()
        writable = callback
    }

    /// Runs once if the connection ends before the answer does; at once if that has happened already.
    package func onClose(_ callback: @escaping () -> Void) {
        eventLoop.preconditionInEventLoop()
        if connection == nil { callback() } else { close = callback }
    }

    package func write(_ bytes: ByteBuffer) {
        eventLoop.preconditionInEventLoop()
        guard let connection, bytes.readableBytes > 0 else { return }
        if let left = remaining {
            // More than was promised would be read as the next answer.
            guard bytes.readableBytes <= left else { return abort() }
            remaining = left - bytes.readableBytes
        }
        if isChunked {
            connection.write(ByteBuffer(string: String(bytes.readableBytes, radix: 16) + "\r\n"))
            connection.write(bytes)
            connection.write(ByteBuffer(string: "\r\n"))
        } else {
            connection.write(bytes)
        }
        connection.flush()
    }

    /// Ends the answer.
    ///
    /// Fewer bytes than promised end the connection instead, so that the client notices.
    package func finish() {
        eventLoop.preconditionInEventLoop()
        guard let connection else { return }
        guard remaining ?? 0 == 0 else { return abort() }
        if isChunked { connection.write(ByteBuffer(string: "0\r\n\r\n")) }
        forget()
        connection.answered()
    }

    /// Closes the connection without finishing: the client sees a truncated body.
    package func abort() {
        eventLoop.preconditionInEventLoop()
        guard let connection else { return }
        forget()
        connection.abort()
    }

    func writabilityChanged() { writable?() }

    func closed() {
        let callback = close
        forget()
        callback?()
    }

    private func forget() {
        connection = nil
        writable = nil
        close = nil
    }
}
