/// Why a value is refused, as the end of a sentence that names the place.
struct Refusal: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// What is wrong with a scenario file, or with what the command line says beside it, and where.
package struct ScenarioError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file as it was named, or `--set`.
    package let file: String
    /// 0 when it is the file as a whole.
    package let line: Int
    package let key: String?
    package let reason: String

    init(file: String, line: Int, key: String?, reason: String) {
        self.file = file
        self.line = line
        self.key = key
        self.reason = reason
    }

    /// There is no scenario to find fault with.
    package init(_ reason: String) { self.init(file: "", line: 0, key: nil, reason: reason) }

    package var description: String {
        (line > 0 ? "\(file):\(line): " : "") + (key.map { "\($0): " } ?? "") + reason
    }
}
