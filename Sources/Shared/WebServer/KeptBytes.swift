import CMemoryFiles
import Glibc
import NIOCore
import Synchronization

/// Bytes that are kept to be sent again and again: in a file that exists in memory alone, from where the kernel sends
/// them without copying (sendfile(2)). The memory is given back when nobody holds them.
package final class KeptBytes: Sendable {
    package let count: Int
    private let place: Place

    private enum Place: Sendable {
        case file(File, at: Int)
        /// They are few, or the system gives no such file.
        case buffer(ByteBuffer)
    }

    package init(_ bytes: [UInt8]) {
        count = bytes.count
        // Few bytes are copied in less time than it takes to call the kernel once more.
        if bytes.count >= 16 << 10, let file = File.shared, let offset = file.append(bytes) {
            place = .file(file, at: offset)
        } else {
            place = .buffer(ByteBuffer(bytes: bytes))
        }
    }

    deinit {
        if case .file(let file, let offset) = place { file.forget(offset, count) }
    }

    /// Hands a part of them to a connection.
    func write(_ range: Range<Int>, to context: ChannelHandlerContext) {
        switch place {
        case .buffer(let buffer):
            let slice = buffer.getSlice(at: buffer.readerIndex + range.lowerBound, length: range.count)
            context.write(NIOAny(IOData.byteBuffer(slice ?? ByteBuffer())), promise: nil)
        case .file(let file, let offset):
            // NIO lets only one event loop at a time use a handle, and wants to be told that it is not to close it.
            let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: file.descriptor)
            let region = FileRegion(
                fileHandle: handle, readerIndex: offset + range.lowerBound, endIndex: offset + range.upperBound)
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { _ in
                _ = try? handle.takeDescriptorOwnership()
                withExtendedLifetime(self) {}
            }
            context.write(NIOAny(IOData.fileRegion(region)), promise: promise)
        }
    }

    /// All of them, copied.
    package var bytes: [UInt8] {
        switch place {
        case .file(let file, let offset): file.read(offset, count)
        case .buffer(let buffer): Array(buffer.readableBytesView)
        }
    }
}

/// One for all that is kept. It grows at its end for ever, and what is forgotten becomes holes in it.
private final class File: Sendable {
    static let shared = File()
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
            guard count > 0 || errno == EINTR else {
                forget(offset, length)
                return nil
            }
            written += max(0, count)
        }
        return offset
    }

    func read(_ offset: Int, _ length: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
            while filled < length {
                let count = pread(
                    descriptor, buffer.baseAddress?.advanced(by: filled), length - filled, offset + filled)
                guard count > 0 || errno == EINTR else { return }
                filled += max(0, count)
            }
        }
    }

    func forget(_ offset: Int, _ length: Int) {
        memory_file_forget(descriptor, offset, (length + Self.page - 1) / Self.page * Self.page)
    }
}
