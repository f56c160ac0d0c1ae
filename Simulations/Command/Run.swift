import ArgumentParser
import Glibc
import Models
import Results
import Scenarios
import Simulator
import Tiers
import Vocabulary

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists the scenarios and the question that each asks; with a name, shows that scenario's file.")

    @Argument(help: "A scenario's name.") var scenario: String?
    @Flag(help: "Shows the keys that a scenario file may have, and what their values may be.") var keys = false

    func run() throws {
        guard !keys else {
            for key in Scenario.keys { print(pad(key.name, 18) + key.allowed) }
            for (question, names) in Simulation.policyChoices.sorted(by: { $0.key < $1.key }) {
                print(pad("policy.\(question)", 18) + names.joined(separator: ", "))
            }
            return
        }
        guard let scenario else {
            for name in Catalog.names {
                guard let question = try? Catalog.scenario(name)?.question else { continue }
                print(pad(name, 18) + question)
            }
            return
        }
        guard let text = Catalog.text(scenario) else {
            throw ValidationError(
                "there is no scenario \"\(scenario)\"; there are \(Catalog.names.joined(separator: ", "))")
        }
        print(text)
    }
}

/// A scenario by name or file, with what the command line changes; shared by the commands that run it.
struct Question: ParsableArguments {
    @Argument(help: "A scenario's name, as `list` shows it, or a file that ends in .scenario.") var scenario: String
    @Option(name: .customLong("set"), help: "Another value for a key of the scenario, as KEY=VALUE; repeatable.")
    var overrides: [String] = []
    @Option(help: "Where randomness starts: the same seed gives the same run.") var seed: UInt64?
    @Option(help: "How many viewers there are; short for --set viewers=N.") var viewers: Int?
    @Option(help: "How many imagined seconds the broadcast is watched; short for --set length='N s'.")
    var seconds: Double?

    /// - Throws: an exit code, after one sentence that says what is wrong with it.
    func read() throws -> Scenario {
        var lines = overrides
        if let viewers { lines.append("viewers = \(viewers)") }
        if let seconds { lines.append("length = \(seconds) s") }
        if let seed { lines.append("seed = \(seed)") }
        do {
            return try Self.scenario(scenario, overrides: lines)
        } catch {
            complain("tributary-simulate: \(error)\n")
            throw ExitCode(ResultFailure.usage)
        }
    }

    static func scenario(_ name: String, overrides: [String]) throws(ScenarioError) -> Scenario {
        if let builtIn = try Catalog.scenario(
            name, overrides: overrides, policies: Simulation.policyChoices, reading: { try? TextFile($0).text })
        {
            return builtIn
        }
        guard name.hasSuffix(".scenario") else {
            let names = Catalog.names.joined(separator: ", ")
            throw ScenarioError("there is no scenario \"\(name)\"; there are \(names), and files that end in .scenario")
        }
        let file = try TextFile(name)
        // Files that a scenario names lie beside it.
        let folder = name.lastIndex(of: "/").map { name[...$0] } ?? ""
        return try Scenario(
            parsing: file.text, name: String(name.dropFirst(folder.count).dropLast(".scenario".count)), file: name,
            overrides: overrides, policies: Simulation.policyChoices,
            reading: { (try? TextFile(folder + $0).text) ?? (try? TextFile($0).text) })
    }
}

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs one scenario and prints what it has shown beside what theory allows.")

    @OptionGroup var question: Question
    @Option(help: "How closely the scenario is imagined.") var tier = Tier.events
    @Flag(help: "Prints one JSON object.") var json = false
    @Option(help: "A folder for the files of the result.") var out: String?
    @Option(
        name: .customLong("trace-piece"),
        help: "The piece whose way is written to tree.csv, as SEQUENCE:INDEX. Default: the middle segment's first.")
    var tracedPiece: String?
    @Option(name: .customLong("child-of"), help: .hidden) var parent: Int32?

    func run() throws {
        // Whoever started us may have ended before the kernel was told to end us together.
        if let parent, getppid() != parent { throw ExitCode.failure }
        let world = try question.read()
        let traced = try trace(in: world)
        try tier.announce(world)
        let clock = Expense()
        let report: Report
        switch tier {
        case .events: report = try events(world, traced)
        case .fluid: report = Report(world, FluidTier.run(FluidTier.Parameters(world)))
        case .slotted:
            let parameters = SlottedTier.Parameters(world)
            report = Report(world, SlottedTier.run(parameters), chunk: parameters.chunk)
        }
        if let out {
            try complaining { () throws(ResultFailure) in try report.write(to: out, host: clock.host) }
        }
        print(json ? report.json : report.text)
    }

    private func events(_ world: Scenario, _ traced: (sequence: Int, index: Int)) throws -> Report {
        var progress = Progress(length: world.length, isShown: isatty(STDERR_FILENO) == 1)
        var simulation = Simulation(world, tracing: traced)
        let result = simulation.run { progress.reach($0) }
        progress.finish()
        if let fault = Report.fault(in: result, of: world) {
            complain("tributary-simulate: \(fault); this is a bug in the simulator\n")
            throw ExitCode(70)
        }
        return Report(world, result, traced: traced)
    }

    private func trace(in world: Scenario) throws -> (sequence: Int, index: Int) {
        guard tracedPiece == nil || tier == .events else {
            throw ValidationError("--trace-piece takes the events tier: the others follow no piece")
        }
        guard let tracedPiece else { return (Int(world.length / world.segmentDuration / 2), 0) }
        let parts = tracedPiece.split(separator: ":").map { Int($0) }
        guard parts.count == 2, let sequence = parts[0], let index = parts[1], sequence >= 0,
            Double(sequence) * world.segmentDuration < world.length,
            (0..<(world.segmentLength + PieceID.length - 1) / PieceID.length).contains(index)
        else {
            throw ValidationError("--trace-piece \(tracedPiece) is not SEQUENCE:INDEX of a piece of the broadcast")
        }
        return (sequence, index)
    }
}
