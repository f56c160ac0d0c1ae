import ArgumentParser
import Glibc
import Plots
import Results

struct Plot: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draws pictures of results, as SVG for a paper.",
        discussion: """
            Folders of single runs are laid over each other; a folder of a sweep stands for all of its runs.

            Examples:
              tributary-simulate plot results/steady
              tributary-simulate plot results/steady --kind delay --axis log --out delay.svg
              tributary-simulate plot results/uplinks --kind sweep --metric offload --against uplink
              tributary-simulate plot results/uplinks --kind continuity --where 'viewers=100'
            """)

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case offload, delay, copies, continuity, tree, sweep, all
    }

    @Argument(help: "Folders that `run --out` or `sweep --out` have written.") var folders: [String]
    @Option(help: "What is drawn.") var kind = Kind.all
    @Option(help: "Where the picture goes: a file that ends in .svg, or a folder. Default: the results' own folder.")
    var out: String?
    @Option(help: "The axis of delays: automatic, linear or log.") var axis = Picture.DelayAxis.automatic
    @Option(help: "For sweeps: the figure to draw.") var metric: String?
    @Option(help: "For sweeps: the parameter to draw it over.") var against: String?
    @Option(name: .customLong("where"), help: "Only runs with this parameter, as KEY=VALUE; repeatable.")
    var conditions: [String] = []

    func validate() throws {
        guard !folders.isEmpty else { throw ValidationError("name at least one folder of results") }
        if let out, out.hasSuffix(".svg"), kind == .all {
            throw ValidationError("--out \(out) is one file: say which picture with --kind")
        }
        if out == nil, folders.count > 1 {
            throw ValidationError("pictures of several folders belong to none of them: say where with --out")
        }
        for condition in conditions where !condition.dropFirst().contains("=") {
            throw ValidationError("--where \(condition) is not of the form KEY=VALUE")
        }
    }

    func run() throws {
        try complaining { () throws(ResultFailure) in
            let runs = try RunCollection(folders: folders, where: conditions.map(Parameter.init(assignment:)))
            if kind == .all {
                try drawAll(runs)
            } else {
                try draw(Picture.allCases.first { $0.rawValue == kind.rawValue }, runs)
            }
        }
    }

    private func draw(_ picture: Picture?, _ runs: RunCollection) throws(ResultFailure) {
        guard let picture else { return }
        try save(try picture.svg(of: runs, choices(metric)), as: picture.rawValue)
    }

    /// Every picture that these results have the data for; the others are named.
    private func drawAll(_ runs: RunCollection) throws(ResultFailure) {
        var reasons: [String] = []
        var count = 0
        func attempt(_ name: String, _ picture: () throws(ResultFailure) -> String) throws(ResultFailure) {
            let svg: String
            do {
                svg = try picture()
            } catch  where error.exitCode == ResultFailure.missing {
                reasons.append("no \(name).svg: \(error)")
                return
            }
            try save(svg, as: name)
            count += 1
        }
        for picture in Picture.allCases where picture != .sweep {
            try attempt(picture.rawValue) { () throws(ResultFailure) in try picture.svg(of: runs, choices(nil)) }
        }
        if runs.settings.count > 1 {
            let metrics = if let metric { [metric] } else { try SweepResponse.metrics(of: runs) }
            for metric in metrics {
                try attempt("sweep-\(metric)") { () throws(ResultFailure) in
                    try Picture.sweep.svg(of: runs, choices(metric))
                }
            }
        }
        for reason in reasons { complain(reason + "\n") }
        guard count > 0 else {
            throw ResultFailure("these results have no data for any picture", exitCode: ResultFailure.missing)
        }
    }

    private func choices(_ metric: String?) -> Picture.Choices {
        var choices = Picture.Choices()
        choices.delayAxis = axis
        choices.metric = metric
        choices.parameter = against
        return choices
    }

    /// Prints the path, so that a shell can go on with it.
    private func save(_ svg: String, as name: String) throws(ResultFailure) {
        let place = out ?? folders[0]
        let path: String
        if place.hasSuffix(".svg") {
            path = place
        } else {
            try Folder.make(place)
            path = (place.hasSuffix("/") ? place : place + "/") + name + ".svg"
        }
        try Folder.replace(path, with: svg)
        print(path)
    }
}

extension Picture.DelayAxis: ExpressibleByArgument {}

/// Ends the process with one sentence and the failure's exit code when `work` fails.
func complaining(_ work: () throws(ResultFailure) -> Void) throws {
    do {
        try work()
    } catch {
        complain("tributary-simulate: \(error)\n")
        throw ExitCode(error.exitCode)
    }
}
