import ArgumentParser
import Glibc
import Models
import Validation

struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks the models against what is known: closed forms, bounds, published figures.",
        discussion: """
            Every line is one claim: what a formula, a bound or a publication says, and what a run of a model shows.
            Statistical claims hold within their tolerance, which has to be twice the standard error or more.
            """)

    @Flag(help: "Only those that together take less than half a minute.") var fast = false
    @Option(help: "Only the checks whose names begin so, such as klr or push.rp_lu.") var only: String?
    @Flag(help: "Prints one JSON object a line.") var json = false
    @Option(help: "Where randomness starts: the same seed gives the same figures.") var seed: UInt64 = 1

    private var chosen: [Check] { Checks.named(only ?? "").filter { !fast || $0.isFast } }

    func validate() throws {
        guard !chosen.isEmpty else {
            let families = Checks.all.map { $0.name.split(separator: ".")[0] }
            let names = families.indices.filter { families[..<$0].last != families[$0] }.map { String(families[$0]) }
            throw ValidationError(
                "no \(fast ? "fast " : "")check begins with \"\(only ?? "")\"; there are \(names.joined(separator: ", "))"
            )
        }
    }

    func run() throws {
        let checks = chosen
        let showsProgress = isatty(STDERR_FILENO) == 1
        var failed: [String] = []
        var claims = 0
        if !json { print(Self.header) }
        for (index, check) in checks.enumerated() {
            if showsProgress { complain("\r\u{1B}[K\(index) of \(checks.count): \(check.name)") }
            let verdicts = check.verdicts(seed: seed)
            if showsProgress { complain("\r\u{1B}[K") }
            for verdict in verdicts {
                claims += 1
                print(json ? Self.object(verdict, of: check) : Self.row(verdict, of: check))
            }
            fflush(nil)
            if !verdicts.allSatisfy(\.holds) { failed.append(check.name) }
        }
        if !json {
            print("\n\(checks.count - failed.count) of \(checks.count) checks hold, \(claims) claims, seed \(seed)")
        }
        guard failed.isEmpty else {
            complain(
                "tributary-simulate: \(failed.count) of \(checks.count) checks fail: \(failed.joined(separator: ", "))\n"
            )
            throw ExitCode.failure
        }
    }

    private static let header =
        pad("check", 34) + pad("claim", 15) + pad("kind", 13) + pad("expected", 13) + pad("measured", 13)
        + pad("+-", 11) + pad("tolerance", 11) + pad("n", 9) + pad("ok", 5) + "source"

    private static func row(_ verdict: Check.Verdict, of check: Check) -> String {
        let claim = verdict.claim
        let measured = verdict.measured
        let isSampled = measured.standardError != nil
        return pad(verdict.check, 34) + pad(claim.metric, 15) + pad(claim.kind.rawValue, 13)
            + pad(short(claim.expected), 13) + pad(short(measured.value), 13)
            + pad(measured.standardError.map(short) ?? "", 11) + pad(short(claim.tolerance), 11)
            + pad(isSampled ? "\(measured.samples)" : "", 9) + pad(verdict.holds ? "yes" : "NO", 5) + check.source
    }

    private static func object(_ verdict: Check.Verdict, of check: Check) -> String {
        let claim = verdict.claim
        var fields = [
            "\"check\":\"\(verdict.check)\"", "\"claim\":\"\(claim.metric)\"", "\"kind\":\"\(claim.kind.rawValue)\"",
            "\"scenario\":\"\(check.scenario)\"", "\"expected\":\(claim.expected)",
            "\"measured\":\(verdict.measured.value.isFinite ? "\(verdict.measured.value)" : "null")",
        ]
        if let error = verdict.measured.standardError {
            fields += ["\"standard_error\":\(error)", "\"n\":\(verdict.measured.samples)"]
        }
        if claim.tolerance.isFinite { fields.append("\"tolerance\":\(claim.tolerance)") }
        fields += ["\"ok\":\(verdict.holds)", "\"source\":\"\(check.source)\""]
        return "{" + fields.joined(separator: ",") + "}"
    }

    /// Six digits that matter.
    private static func short(_ value: Double) -> String {
        guard value.isFinite else { return value > 0 ? "any" : "\(value)" }
        guard value != 0, value.magnitude < 1e-4 else {
            let scale = value.magnitude < 10 ? 1e6 : value.magnitude < 1_000 ? 1e4 : 1e2
            return "\((value * scale).rounded() / scale)"
        }
        // Exponents as C writes them: 2.3e-05.
        var rest = value
        var exponent = 0
        // 9.995 and more would be written as 10.
        while rest.magnitude < 0.999_5 {
            rest *= 10
            exponent -= 1
        }
        return "\((rest * 100).rounded() / 100)e\(exponent)"
    }
}
