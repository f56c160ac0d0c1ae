import CLibAVFormat

/// Lets libavformat read a feed as if it were a file that cannot be sought.
final class FeedReader {
    let context: UnsafeMutablePointer<AVIOContext>

    init(_ feed: Feed, interrupt: Interrupt) {
        let length: Int32 = 32 << 10
        guard let buffer = av_malloc(Int(length)) else { preconditionFailure("no memory for a demuxer") }
        let box = Box(feed: feed, interrupt: interrupt)
        guard
            let context = avio_alloc_context(
                buffer.assumingMemoryBound(to: UInt8.self), length, 0, Unmanaged.passRetained(box).toOpaque(),
                { opaque, bytes, count in
                    guard let opaque, let bytes, count > 0 else { return av_shim_error_eof() }
                    let box = Unmanaged<Box>.fromOpaque(opaque).takeUnretainedValue()
                    switch box.feed.read(into: .init(start: bytes, count: Int(count)), box.interrupt) {
                    case .bytes(let count): return Int32(count)
                    case .end: return av_shim_error_eof()
                    case .interrupted: return av_shim_error_exit()
                    }
                }, nil, nil)
        else { preconditionFailure("no memory for a demuxer") }
        self.context = context
    }

    deinit {
        if let opaque = context.pointee.opaque { Unmanaged<Box>.fromOpaque(opaque).release() }
        av_free(context.pointee.buffer)
        var context: UnsafeMutablePointer<AVIOContext>? = context
        avio_context_free(&context)
    }

    private final class Box {
        let feed: Feed
        let interrupt: Interrupt
        init(feed: Feed, interrupt: Interrupt) {
            self.feed = feed
            self.interrupt = interrupt
        }
    }
}
