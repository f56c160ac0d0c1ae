import CMemoryFiles
import Glibc
import NIOPosix

/// Gives pages of a file to a socket without copying them (splice(2)). sendfile(2) does the same with 16 pages at a time;
/// with 256 a tenth of the time is saved.
final class PagePipe: Sendable {
    private static let room = 1 << 20
    /// One for each event loop.
    private static let own = ThreadSpecificVariable<PagePipe>()

    private let outlet: Int32
    private let inlet: Int32

    private init?() {
        var ends: [Int32] = [-1, -1]
        guard memory_pipe_make(&ends, Int32(Self.room)) == 0 else { return nil }
        (outlet, inlet) = (ends[0], ends[1])
    }

    deinit {
        close(outlet)
        close(inlet)
    }

    /// Returns how many bytes the socket has taken without having to be waited for.
    static func pass(_ range: Range<Int>, of file: Int32, to socket: Int32) -> Int {
        if own.currentValue == nil { own.currentValue = PagePipe() }
        guard let pipe = own.currentValue else { return 0 }
        var position = range.lowerBound
        while position < range.upperBound {
            let filled = memory_pipe_fill(file, off_t(position), pipe.inlet, min(room, range.upperBound - position))
            guard filled > 0 else { break }
            let isMoreToCome = position + filled < range.upperBound
            let taken = max(0, memory_pipe_drain(pipe.outlet, socket, filled, isMoreToCome ? 1 : 0))
            position += taken
            guard taken == filled else {
                // What it still holds goes with it.
                own.currentValue = nil
                break
            }
        }
        return position - range.lowerBound
    }
}
