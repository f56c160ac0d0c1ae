import Foundation
import Testing

/// The table "Who may import whom" of ARCHITECTURE.md.
private let mayImport: [String: Set<String>] = {
    let nio: Set = ["NIOCore", "NIOPosix"]
    let platform: Set = ["Foundation", "Glibc", "Synchronization", "Dispatch"]
    let shell = nio.union(platform).union(["Vocabulary", "Integrity", "Wire", "WebServer", "WebClient", "Logging"])
    let command = nio.union(platform).union(["Vocabulary", "CommandLine", "ArgumentParser", "Logging"])
    return [
        "Vocabulary": [],
        "Integrity": ["Vocabulary", "CSodium", "CLibCrypto", "Glibc"],
        "Wire": ["Vocabulary", "NIOCore"],
        "WebServer": nio.union(platform).union(["CMemoryFiles", "CZlib", "NIOHTTP1", "Vocabulary", "Logging"]),
        "WebClient": platform.union(["CLibCurl", "NIOCore", "Vocabulary"]),
        "Inspection": ["Vocabulary", "WebClient"],
        "CommandLine": platform.union(["Logging", "NIOCore", "Wire"]),
        "TrackerCore": ["Vocabulary"],
        "PeerCore": ["Vocabulary"],
        "OriginCore": ["Vocabulary"],
        "OriginMedia": platform.union(["Vocabulary", "CLibAVFormat", "OriginCore"]),
        "TrackerDirectory": ["Vocabulary", "Integrity", "Wire", "CSQLite", "Swift"],
        "TrackerService": shell.union([
            "TrackerCore", "TrackerDirectory", "CDatagrams", "CHiredis", "CZlib", "NIOWebSocket",
        ]),
        "PeerAgent": shell.union(["PeerCore", "CStreams"]),
        "OriginIngest": nio.union([
            "Vocabulary", "Integrity", "OriginCore", "OriginMedia", "CLibSRT", "CLibSSL", "Logging", "Glibc",
            "Synchronization",
        ]),
        "OriginService": shell.union(["OriginCore", "OriginMedia"]),
        "PeerWatch": command.union(["PeerAgent", "PeerCore", "Wire"]),
        "tributary-tracker": command.union(["TrackerService", "TrackerCore", "TrackerDirectory", "Wire"]),
        "tributary-peer": command.union(["PeerAgent", "PeerWatch"]),
        "tributary-origin": command.union([
            "Inspection", "OriginService", "OriginIngest", "OriginCore", "OriginMedia", "Integrity", "WebClient",
            "WebServer",
            "Wire",
        ]),
        "Simulator": ["Scenarios", "PeerCore", "TrackerCore", "OriginCore", "Vocabulary"],
        "Scenarios": ["Vocabulary"],
        "Models": ["Vocabulary"],
        "Tiers": ["Models", "Scenarios", "Simulator", "Vocabulary"],
        "Validation": ["Models", "Scenarios", "Simulator", "Tiers", "Vocabulary"],
        "Results": ["Vocabulary", "Glibc"],
        "Plots": ["Results", "Glibc"],
        "tributary-simulate": [
            "Models", "Plots", "Results", "Scenarios", "Simulator", "Tiers", "Validation", "Vocabulary",
            "ArgumentParser", "Glibc",
        ],
        "Stage": platform.union(["Vocabulary", "Integrity", "Wire", "WebClient", "NIOCore"]),
        "RehearsalNetwork": platform.union(["Stage", "CNamespaces", "Vocabulary"]),
        "RehearsalPlayer": platform.union(["Stage", "Integrity", "Vocabulary"]),
        "tributary-lab": platform.union([
            "RehearsalNetwork", "RehearsalPlayer", "Stage", "Results", "Scenarios", "CommandLine", "Wire", "Vocabulary",
            "ArgumentParser",
        ]),
        "tributary-demo": platform.union(["Stage", "CommandLine", "Vocabulary", "ArgumentParser"]),
    ]
}()

@Suite(.timeLimit(.minutes(3))) struct `The house` {
    @Test func `declares no dependency that the table does not allow`() async throws {
        let sources = try await Manifest.read().targets.filter {
            $0.kind != "system" && $0.kind != "test" && !$0.path.hasPrefix("Sources/System")
                && !$0.path.hasPrefix("Tests/") && !$0.path.hasPrefix("Benchmarks/")
        }
        #expect(!sources.isEmpty)
        for target in sources {
            let allowed = try #require(mayImport[target.name], "\(target.name) is missing in the table")
            let forbidden = target.dependencies.subtracting(allowed)
            #expect(forbidden.isEmpty, "\(target.name) may not depend on \(forbidden.sorted())")
        }
    }

    @Test func `imports only what the table allows`() async throws {
        for target in try await Manifest.read().targets {
            guard let allowed = mayImport[target.name] else { continue }
            let files = Manifest.files(in: target.path)
            #expect(!files.isEmpty, "\(target.path) holds no Swift file")
            for file in files {
                for module in try Manifest.imports(of: file) {
                    #expect(allowed.contains(module), "\(file) may not import \(module)")
                }
            }
        }
    }

    @Test(arguments: ["Sources/Shared/Vocabulary", "Sources/Tracker/Core", "Sources/Peer/Core", "Sources/Origin/Core"])
    func `has cores without clocks, chance, tasks and sockets`(folder: String) throws {
        let forbidden = [
            "Date(", "ContinuousClock", "SuspendingClock", "clock_gettime", "SystemRandomNumberGenerator",
            "Task {", "Task.", " async ", " async(", "await ", "DispatchQueue", "Mutex<", "print(",
        ]
        let files = Manifest.files(in: folder)
        #expect(!files.isEmpty)
        for file in files {
            for (number, line) in try Manifest.lines(of: file).enumerated() {
                let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
                for word in forbidden {
                    #expect(!code.contains(word), "\(file):\(number + 1) has \(word)")
                }
                let draws = code.contains(".random(") || code.contains(".shuffled(") || code.contains(".randomElement(")
                #expect(!draws || code.contains("using:"), "\(file):\(number + 1) draws without a seed")
                #expect(!code.contains(".now"), "\(file):\(number + 1) reads a clock")
            }
        }
    }

    @Test func `has no public declaration, no forced unwrapping of errors and no unfinished note`() throws {
        for folder in ["Sources", "Simulations"] {
            for file in Manifest.files(in: folder) {
                for (number, line) in try Manifest.lines(of: file).enumerated() {
                    let code = line.split(separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
                    #expect(!code.contains("public "), "\(file):\(number + 1) has public")
                    for word in ["try! ", "TODO", "FIXME"] {
                        #expect(!line.contains(word), "\(file):\(number + 1) has \(word)")
                    }
                }
            }
        }
    }
}
