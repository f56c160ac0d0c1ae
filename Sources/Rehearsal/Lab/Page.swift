import CommandLine
import Foundation
import Stage

/// The part of the laboratory's page that is made from results: a table, and a picture beside it.
struct Page {
    private let comparisons: [Comparison]

    private static let begin = "<!-- from results: Scripts/lab --page -->"
    private static let end = "<!-- end -->"

    /// Reads all situations that a folder has results of, in the order of the list.
    init(results folder: String, names: [String]) throws {
        comparisons = names.compactMap { name in
            guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(name).json") else { return nil }
            return JSON(parsing: Array(bytes)).flatMap(Comparison.init)
        }
        if comparisons.isEmpty { throw Complaint("\(folder) holds no results") }
    }

    /// Replaces what is between the marks of `page`, and writes the picture beside it.
    func write(into page: String) throws {
        guard let text = try? String(contentsOfFile: page, encoding: .utf8), let from = text.range(of: Self.begin),
            let to = text.range(of: Self.end)
        else { throw Complaint("\(page) has no place for results") }
        let picture = page.hasSuffix(".md") ? String(page.dropLast(3)) + ".svg" : page + ".svg"
        let name = picture.split(separator: "/").last.map(String.init) ?? picture
        let new =
            text[..<from.upperBound] + "\n\n" + tables.joined(separator: "\n")
            + "\n\n![Copies and delays, real and simulated](\(name))\n\n" + text[to.lowerBound...]
        try Self.write(String(new), to: page)
        try Self.write(ComparisonPicture(comparisons).svg, to: picture)
    }

    private var tables: [String] {
        Self.table(Comparison.columns, comparisons.map(\.cells)) + [
            "", "What viewers got, and by plain HTTP instead:", "",
        ]
            + Self.table(Comparison.Experience.columns, comparisons.flatMap(\.experiences))
    }

    private static func table(_ columns: [String], _ rows: [[String]]) -> [String] {
        ["| \(columns.joined(separator: " | ")) |", "|\(String(repeating: " --- |", count: columns.count))"]
            + rows.map { "| \($0.joined(separator: " | ")) |" }
    }

    private static func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw Complaint("\(path) cannot be written", exitCode: 73)
        }
    }
}
