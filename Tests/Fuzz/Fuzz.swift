import Foundation

/// The parser that the environment variable FUZZ_PARSER names; `--list` as the first argument lists them all, and
/// `--seeds FOLDER` writes inputs to start from.
private let chosen: Parser = {
    if CommandLine.arguments.dropFirst().first == "--list" {
        for parser in Parser.all { print(parser.name) }
        exit(0)
    }
    let name = ProcessInfo.processInfo.environment["FUZZ_PARSER"]
    guard let parser = Parser.all.first(where: { $0.name == name }) else {
        print("FUZZ_PARSER must be one of: " + Parser.all.map(\.name).joined(separator: " "))
        exit(64)
    }
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.count == 2, arguments[0] == "--seeds" {
        for (number, seed) in parser.seeds.enumerated() {
            let file = URL(fileURLWithPath: "\(arguments[1])/seed-\(number)")
            guard (try? Data(seed).write(to: file)) != nil else { exit(74) }
        }
        exit(0)
    }
    return parser
}()

#if FUZZING
    // libFuzzer brings its own main, which calls these two.
    @_cdecl("LLVMFuzzerInitialize")
    func initialize(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
        _ = chosen
        return 0
    }

    @_cdecl("LLVMFuzzerTestOneInput") func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        chosen.parse(Array(UnsafeBufferPointer(start: bytes, count: count)))
        return 0
    }
#else
    /// Replays files, such as an input that libFuzzer has kept.
    @main enum Fuzz {
        static func main() throws {
            let parser = chosen
            for path in CommandLine.arguments.dropFirst() {
                parser.parse([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
            }
        }
    }
#endif
