import Foundation

// libFuzzer drives the parser that FUZZ_PARSER names when Scripts/fuzz has built this with -DFUZZING. Without it,
// the program replays the files that it is given, such as an input that libFuzzer has kept.

if CommandLine.arguments.dropFirst().first == "--list" {
    for parser in Parser.all { print(parser.name) }
    exit(0)
}
let wanted = ProcessInfo.processInfo.environment["FUZZ_PARSER"]
guard let parser = Parser.all.first(where: { $0.name == wanted }) else {
    print("FUZZ_PARSER must be one of: " + Parser.all.map(\.name).joined(separator: " "))
    exit(64)
}

#if FUZZING
    exit(parser.fuzz())
#else
    for path in CommandLine.arguments.dropFirst() {
        parser.parse([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
    }
#endif
