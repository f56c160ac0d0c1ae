// swift-tools-version: 6.2
import PackageDescription

// Rows are roles, columns are floors: the targets follow the folders (see ARCHITECTURE.md, "Who may import whom").

let vocabulary: Target.Dependency = "Vocabulary"
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let system: [Target] = [
    .systemLibrary(
        name: "CSodium", path: "Sources/System/CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(
        name: "CLibCrypto", path: "Sources/System/CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]
    ),
    .systemLibrary(
        name: "CLibAVFormat", path: "Sources/System/CLibAVFormat", pkgConfig: "libavformat libavcodec libavutil",
        providers: [.apt(["libavformat-dev", "libavcodec-dev", "libavutil-dev"])]),
    .systemLibrary(
        name: "CLibCurl", path: "Sources/System/CLibCurl", pkgConfig: "libcurl",
        providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(
        name: "CLibSRT", path: "Sources/System/CLibSRT", pkgConfig: "srt", providers: [.apt(["libsrt-gnutls-dev"])]),
    .systemLibrary(
        name: "CSQLite", path: "Sources/System/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
        name: "CHiredis", path: "Sources/System/CHiredis", pkgConfig: "hiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(
        name: "CLibSSL", path: "Sources/System/CLibSSL", pkgConfig: "libssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
        name: "CZlib", path: "Sources/System/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CDatagrams", path: "Sources/System/CDatagrams"),
    .systemLibrary(name: "CStreams", path: "Sources/System/CStreams"),
    .systemLibrary(name: "CMemoryFiles", path: "Sources/System/CMemoryFiles"),
    .target(name: "CNamespaces", path: "Sources/System/CNamespaces"),
]

let shared: [Target] = [
    .target(name: "Vocabulary", path: "Sources/Shared/Vocabulary"),
    .target(name: "Integrity", dependencies: [vocabulary, "CSodium", "CLibCrypto"], path: "Sources/Shared/Integrity"),
    .target(name: "Wire", dependencies: [vocabulary, nioCore], path: "Sources/Shared/Wire"),
    .target(
        name: "WebServer", dependencies: [vocabulary, nioHTTP, "CMemoryFiles", "CZlib"] + nio,
        path: "Sources/Shared/WebServer"),
    .target(name: "WebClient", dependencies: [vocabulary, "CLibCurl", nioCore], path: "Sources/Shared/WebClient"),
    .target(name: "Inspection", dependencies: [vocabulary, "WebClient"], path: "Sources/Shared/Inspection"),
    .target(name: "CommandLine", dependencies: ["Wire", logging, nioCore], path: "Sources/Shared/CommandLine"),
]

let tracker: [Target] = [
    .target(name: "TrackerCore", dependencies: [vocabulary], path: "Sources/Tracker/Core"),
    .target(
        name: "TrackerDirectory", dependencies: [vocabulary, "Integrity", "Wire", "CSQLite"],
        path: "Sources/Tracker/Directory"),
    .target(
        name: "TrackerService",
        dependencies: [
            "TrackerCore", "TrackerDirectory", vocabulary, "Integrity", "Wire", "WebServer", "CDatagrams", "CHiredis",
            "CZlib", logging,
            nioWebSocket,
        ] + nio,
        path: "Sources/Tracker/Service"),
    .executableTarget(
        name: "tributary-tracker",
        dependencies: [
            "TrackerService", "TrackerCore", "TrackerDirectory", vocabulary, "Wire", "CommandLine", arguments, logging,
        ],
        path: "Sources/Tracker/Command"),
]

let peer: [Target] = [
    .target(name: "PeerCore", dependencies: [vocabulary], path: "Sources/Peer/Core"),
    .target(
        name: "PeerAgent",
        dependencies: [
            "PeerCore", vocabulary, "Integrity", "Wire", "WebServer", "WebClient", "CStreams", logging,
        ] + nio,
        path: "Sources/Peer/Agent"),
    .target(
        name: "PeerWatch",
        dependencies: ["PeerAgent", "PeerCore", vocabulary, "Wire", "CommandLine", nioCore, arguments],
        path: "Sources/Peer/Watch"),
    .executableTarget(name: "tributary-peer", dependencies: ["PeerWatch", arguments], path: "Sources/Peer/Command"),
]

let origin: [Target] = [
    .target(name: "OriginCore", dependencies: [vocabulary], path: "Sources/Origin/Core"),
    .target(
        name: "OriginMedia", dependencies: ["OriginCore", vocabulary, "CLibAVFormat"], path: "Sources/Origin/Media"),
    .target(
        name: "OriginService",
        dependencies: [
            "OriginCore", "OriginMedia", vocabulary, "Integrity", "Wire", "WebServer", "WebClient", logging,
        ] + nio,
        path: "Sources/Origin/Service"),
    .target(
        name: "OriginIngest",
        dependencies: ["OriginCore", "OriginMedia", vocabulary, "Integrity", "CLibSRT", "CLibSSL", logging] + nio,
        path: "Sources/Origin/Ingest"),
    .executableTarget(
        name: "tributary-origin",
        dependencies: [
            "OriginService", "OriginIngest", "OriginCore", "OriginMedia", vocabulary, "Inspection", "Integrity", "Wire",
            "WebServer", "WebClient", "CommandLine", arguments, logging,
        ] + nio,
        path: "Sources/Origin/Command"),
]

let simulations: [Target] = [
    .target(name: "Scenarios", dependencies: [vocabulary], path: "Simulations/Scenarios"),
    .target(
        name: "Simulator", dependencies: ["Scenarios", "PeerCore", "TrackerCore", "OriginCore", vocabulary],
        path: "Simulations/Simulator"),
    .target(name: "Results", dependencies: [vocabulary], path: "Simulations/Results"),
    .target(name: "Plots", dependencies: ["Results"], path: "Simulations/Plots"),
    .target(name: "Models", dependencies: [vocabulary], path: "Simulations/Models"),
    .target(
        name: "Tiers", dependencies: ["Models", "Scenarios", "Simulator", vocabulary], path: "Simulations/Tiers"),
    .target(
        name: "Validation", dependencies: ["Models", "Scenarios", "Simulator", "Tiers", vocabulary],
        path: "Simulations/Validation"),
    .executableTarget(
        name: "tributary-simulate",
        dependencies: [
            "Scenarios", "Simulator", "Results", "Plots", "Models", "Tiers", "Validation", vocabulary, arguments,
        ],
        path: "Simulations/Command"),
]

let rehearsal: [Target] = [
    .target(
        name: "Stage", dependencies: [vocabulary, "Integrity", "Wire", "WebClient", nioCore],
        path: "Sources/Rehearsal/Stage"),
    .executableTarget(
        name: "tributary-demo", dependencies: ["Stage", "CommandLine", arguments], path: "Sources/Rehearsal/Command"),
    .target(
        name: "RehearsalNetwork", dependencies: ["Stage", "CNamespaces", vocabulary], path: "Sources/Rehearsal/Network"
    ),
    .target(
        name: "RehearsalPlayer", dependencies: ["Stage", "Integrity", vocabulary], path: "Sources/Rehearsal/Player"),
    .executableTarget(
        name: "tributary-lab",
        dependencies: [
            "RehearsalNetwork", "RehearsalPlayer", "Stage", "Results", "Scenarios", "CommandLine", "Wire", vocabulary,
            arguments,
        ],
        path: "Sources/Rehearsal/Lab"),
]

let tests: [Target] = [
    .executableTarget(
        name: "hostile-peer", dependencies: ["PeerWatch", vocabulary, arguments, nioCore], path: "Tests/HostilePeer"),
    .testTarget(
        name: "WebClientTests", dependencies: ["WebClient", "WebServer", vocabulary] + nio, path: "Tests/WebClientTests"
    ),
    .testTarget(
        name: "PeerAgentTests",
        dependencies: [
            "PeerAgent", "PeerCore", "Integrity", "Wire", "WebServer", "WebClient", vocabulary,
            .product(name: "NIOEmbedded", package: "swift-nio"),
        ] + nio, path: "Tests/PeerAgentTests"),
    .testTarget(name: "WebServerTests", dependencies: ["WebServer"] + nio),
    .testTarget(
        name: "InspectionTests", dependencies: ["Inspection", "Stage", "WebClient", "WebServer", vocabulary] + nio),
    .testTarget(name: "TrackerCoreTests", dependencies: ["TrackerCore", vocabulary]),
    .testTarget(name: "TrackerDirectoryTests", dependencies: ["TrackerDirectory", "Integrity", "Wire", vocabulary]),
    .testTarget(
        name: "TrackerServiceTests",
        dependencies: [
            "TrackerService", "TrackerDirectory", "TrackerCore", "Integrity", "Wire", "WebClient", "CommandLine",
            "Stage", "CZlib", vocabulary,
        ] + nio),
    .testTarget(name: "VocabularyTests", dependencies: [vocabulary]),
    .testTarget(name: "IntegrityTests", dependencies: ["Integrity", vocabulary], exclude: ["Vectors"]),
    .testTarget(name: "WireTests", dependencies: ["Wire", vocabulary, nioCore]),
    .testTarget(name: "PeerCoreTests", dependencies: ["PeerCore", vocabulary]),
    .testTarget(name: "OriginCoreTests", dependencies: ["OriginCore", vocabulary]),
    .testTarget(
        name: "OriginServiceTests",
        dependencies: [
            "OriginService", "OriginMedia", "OriginCore", "Inspection", "Integrity", "Wire", "Stage", "WebServer",
            "WebClient",
            vocabulary, logging,
        ] + nio),
    .testTarget(
        name: "OriginIngestTests",
        dependencies: [
            "OriginIngest", "OriginCore", "OriginMedia", "Integrity", "Stage", vocabulary, logging,
            .product(name: "NIOEmbedded", package: "swift-nio"),
        ] + nio),
    .testTarget(name: "OriginMediaTests", dependencies: ["OriginMedia", "Inspection", "Stage", vocabulary]),
    .testTarget(name: "ScenariosTests", dependencies: ["Scenarios", vocabulary]),
    .testTarget(name: "SimulatorTests", dependencies: ["Simulator", "Scenarios", vocabulary]),
    .testTarget(name: "ModelsTests", dependencies: ["Models", vocabulary]),
    .testTarget(name: "TiersTests", dependencies: ["Tiers", "Models", "Scenarios", "Simulator", vocabulary]),
    .testTarget(
        name: "ValidationTests", dependencies: ["Validation", "Models", "Scenarios", "Simulator", vocabulary]),
    .testTarget(name: "ResultsTests", dependencies: ["Results", vocabulary]),
    .testTarget(name: "PlotsTests", dependencies: ["Plots", "Results"]),
    .testTarget(
        name: "RehearsalTests",
        dependencies: ["RehearsalNetwork", "RehearsalPlayer", "Stage", "tributary-lab", vocabulary]),
    .testTarget(name: "HouseTests", dependencies: ["Stage", vocabulary]),
    .testTarget(
        name: "EndToEndTests", dependencies: ["Inspection", "Stage", "WebClient", "WebServer", vocabulary] + nio,
        exclude: ["clients.py"]),
]

let checks: [Target] = [
    .executableTarget(
        name: "fuzz",
        dependencies: [
            "Inspection", "OriginIngest", "OriginMedia", "Integrity", "Scenarios", "TrackerDirectory", "TrackerService",
            "WebServer", "Wire", vocabulary, nioCore,
        ],
        path: "Tests/Fuzz"),
    .executableTarget(
        name: "benchmark-transfers", dependencies: ["Scenarios", "Simulator", vocabulary],
        path: "Benchmarks/Transfers"),
    .executableTarget(
        name: "benchmark-serving", dependencies: ["Stage", "WebClient", vocabulary], path: "Benchmarks/Serving"),
    .executableTarget(
        name: "benchmark-remuxing", dependencies: ["OriginMedia", "Stage", vocabulary], path: "Benchmarks/Remuxing"),
    .executableTarget(
        name: "benchmark-hashing", dependencies: ["Integrity", "Stage", vocabulary], path: "Benchmarks/Hashing"),
    .executableTarget(
        name: "benchmark-admission", dependencies: ["PeerAgent", "Integrity", vocabulary, nioCore],
        path: "Benchmarks/Admission"),
    .executableTarget(
        name: "benchmark-tracker", dependencies: ["CDatagrams", "Wire", vocabulary, nioCore, arguments],
        path: "Benchmarks/Tracker"),
]

let package = Package(
    name: "tributary",
    products: [
        .executable(name: "tributary-origin", targets: ["tributary-origin"]),
        .executable(name: "tributary-tracker", targets: ["tributary-tracker"]),
        .executable(name: "tributary-peer", targets: ["tributary-peer"]),
        .executable(name: "tributary-simulate", targets: ["tributary-simulate"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: system + shared + tracker + peer + origin + simulations + rehearsal + tests + checks)

for target in package.targets where target.type != .system && !["CDatagrams", "CNamespaces"].contains(target.name) {
    target.swiftSettings =
        [
            .enableUpcomingFeature("ExistentialAny"),  // SE-0335
            .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
            .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
            .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
            .treatAllWarnings(as: .error),  // SE-0480
        ] + (target.swiftSettings ?? [])
}
