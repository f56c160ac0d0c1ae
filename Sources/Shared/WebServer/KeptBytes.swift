import CMemoryFiles
import Glibc
import NIOCore
import Synchronization

/// Bytes that are kept to be sent again and again: in a file, from where the kernel sends them without copying
/// (splice(2), sendfile(2)). One on disk, of which the kernel holds larger parts together, costs a fifth less than one
/// that exists in memory alone. The memory is given back when nobody holds them.
package final class KeptBytes: Sendable {
    package let count: Int
    /// What an answer says of them.
    package let headers: [(String, String)]
    /// The head of an answer with all of them to who asks for no more than that.
    let head: ByteBuffer
    private let place: Place

    private enum Place: Sendable {
        case disk(Int32)
        case memory(MemoryFile, at: Int)
        /// They are few, or the system gives no file.
        case buffer(ByteBuffer)
    }

    /// - Parameter path: a file that holds these very bytes and does not change, if there is one; it may be removed.
    package init(_ bytes: [UInt8], onDisk path: String? = nil, headers: [(String, String)] = []) {
        count = bytes.count
        self.headers = headers
        var head = ByteBuffer()
        head.writeHead(status: 200, headers)
        head.writeString("content-length: \(count)\r\n\r\n")
        self.head = head
        // Few bytes are copied in less time than it takes to call the kernel once more.
        if bytes.count < 16 << 10 {
            place = .buffer(ByteBuffer(bytes: bytes))
        } else if let file = path.flatMap({ Self.open($0, count: bytes.count) }) {
            place = .disk(file)
        } else if let file = MemoryFile.shared, let offset = file.append(bytes) {
            place = .memory(file, at: offset)
        } else {
            place = .buffer(ByteBuffer(bytes: bytes))
        }
    }

    deinit {
        switch place {
        case .disk(let file):
            close(file)
            Self.onDisk.subtract(1, ordering: .relaxed)
        case .memory(let file, let offset): file.forget(offset, count)
        case .buffer: break
        }
    }

    /// How many there are on disk.
    private static let onDisk = Atomic(0)

    private static func open(_ path: String, count: Int) -> Int32? {
        guard onDisk.add(1, ordering: .relaxed).newValue <= OpenFiles.limit / 4,
            let file = file(path, count: count)
        else {
            onDisk.subtract(1, ordering: .relaxed)
            return nil
        }
        return file
    }

    private static func file(_ path: String, count: Int) -> Int32? {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size == count else {
            close(file)
            return nil
        }
        return file
    }

    /// Gives a socket as much of an answer as it takes at once; the head waits for the body, so that both share a packet.
    func pass(_ head: inout ByteBuffer, _ range: inout Range<Int>, to socket: Int32) {
        guard case let (file, start)? = file, !range.isEmpty else { return }
        let sent = head.withUnsafeReadableBytes {
            send(socket, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE))
        }
        head.moveReaderIndex(forwardBy: max(0, sent))
        guard head.readableBytes == 0 else { return }
        let taken = PagePipe.pass(start + range.lowerBound..<start + range.upperBound, of: file, to: socket)
        range = range.lowerBound + taken..<range.upperBound
    }

    private var file: (descriptor: Int32, start: Int)? {
        switch place {
        case .disk(let file): (file, 0)
        case .memory(let file, let offset): (file.descriptor, offset)
        case .buffer: nil
        }
    }

    /// Hands a part of them to a connection.
    func write(_ range: Range<Int>, to context: ChannelHandlerContext) {
        if case .buffer(let buffer) = place {
            let slice = buffer.getSlice(at: buffer.readerIndex + range.lowerBound, length: range.count)
            context.write(NIOAny(IOData.byteBuffer(slice ?? ByteBuffer())), promise: nil)
        }
        guard case let (file, start)? = file else { return }
        // NIO lets only one event loop at a time use a handle, and wants to be told that it is not to close it.
        let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: file)
        let region = FileRegion(
            fileHandle: handle, readerIndex: start + range.lowerBound, endIndex: start + range.upperBound)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in
            _ = try? handle.takeDescriptorOwnership()
            withExtendedLifetime(self) {}
        }
        context.write(NIOAny(IOData.fileRegion(region)), promise: promise)
    }

    /// All of them, copied.
    package var bytes: [UInt8] {
        if case .buffer(let buffer) = place { return Array(buffer.readableBytesView) }
        return file.map { read($0.descriptor, $0.start, count) } ?? []
    }
}

private func read(_ file: Int32, _ offset: Int, _ length: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
        while filled < length {
            let count = pread(file, buffer.baseAddress?.advanced(by: filled), length - filled, offset + filled)
            guard count > 0 || count < 0 && errno == EINTR else { return }
            filled += max(0, count)
        }
    }
}

/// One for all that is kept. It grows at its end for ever, and what is forgotten becomes holes in it.
private final class MemoryFile: Sendable {
    static let shared = MemoryFile()
    private static let page = 4_096

    let descriptor: Int32
    private let end = Atomic(0)

    private init?() {
        descriptor = memory_file_make()
        guard descriptor >= 0 else { return nil }
    }

    /// Returns where they are; `nil` when there is no memory for them.
    func append(_ bytes: [UInt8]) -> Int? {
        let length = (bytes.count + Self.page - 1) / Self.page * Self.page
        let offset = end.add(length, ordering: .relaxed).oldValue
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written, offset + written)
            }
            guard count > 0 || count < 0 && errno == EINTR else {
                forget(offset, length)
                return nil
            }
            written += max(0, count)
        }
        return offset
    }

    func forget(_ offset: Int, _ length: Int) {
        memory_file_forget(descriptor, offset, (length + Self.page - 1) / Self.page * Self.page)
    }
}
