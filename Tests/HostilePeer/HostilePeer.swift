import ArgumentParser
import NIOCore
import PeerWatch
import Vocabulary

/// A peer for tests that watches as any other, and breaks the rules when it serves.
@main
struct HostilePeer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hostile-peer", subcommands: [Watch.self, Withhold.self])

    /// Flips a bit in every piece that it serves.
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

    /// Takes links, tells what it has, takes what it is asked, and never sends a piece.
    struct Withhold: AsyncParsableCommand {
        @OptionGroup var arguments: WatchArguments

        mutating func run() async { await arguments.watch { _, _ in nil } }
    }
}
