import ArgumentParser
import NIOCore
import PeerWatch
import Vocabulary

/// A peer for tests that watches as any other, and flips a bit in every piece that it serves.
@main
struct HostilePeer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "hostile-peer", subcommands: [Watch.self])

    struct Watch: AsyncParsableCommand {
        @OptionGroup var arguments: WatchArguments

        mutating func run() async {
            await arguments.watch { piece, content in
                var altered = content
                let position = altered.readerIndex + piece.index * 7_919 % altered.readableBytes
                let byte: UInt8 = altered.getInteger(at: position) ?? 0
                altered.setInteger(byte ^ 0x10, at: position)
                return altered
            }
        }
    }
}
