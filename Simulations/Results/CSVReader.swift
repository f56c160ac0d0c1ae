/// Reads a table with a header line, one row at a time.
package struct CSVReader {
    package let path: String
    package let columns: [String]
    private let lines: LineReader

    package init(path: String) throws(ResultFailure) {
        self.path = path
        lines = try LineReader(path)
        guard let header = try lines.next() else {
            throw .malformed(path, line: 1, "the file is empty; a header line is expected")
        }
        columns = try Self.split(header, path, 1)
    }

    /// Refuses a file whose header is not exactly `columns`.
    package init(path: String, columns expected: [String]) throws(ResultFailure) {
        try self.init(path: path)
        guard columns == expected else {
            throw .malformed(
                path, line: 1,
                "the header is \(ResultFailure.quoted(columns.joined(separator: ","))), "
                    + "expected is \"\(expected.joined(separator: ","))\"")
        }
    }

    package mutating func next() throws(ResultFailure) -> Row? {
        guard let text = try lines.next() else { return nil }
        let fields = try Self.split(text, path, lines.line)
        guard fields.count == columns.count else {
            throw .malformed(path, line: lines.line, "it has \(fields.count) fields instead of \(columns.count)")
        }
        return Row(path: path, line: lines.line, columns: columns, fields: fields)
    }

    package struct Row {
        let path: String
        let line: Int
        let columns: [String]
        package let fields: [String]

        package func text(_ column: Int) -> String { fields[column] }

        package func number(_ column: Int) throws(ResultFailure) -> Double {
            guard let value = Numeral.value(fields[column]) else { throw wrong(column, "a finite number") }
            return value
        }

        package func count(_ column: Int) throws(ResultFailure) -> Int {
            guard let value = Int(fields[column]), value >= 0 else { throw wrong(column, "a whole number from 0") }
            return value
        }

        /// An empty field is no number.
        package func optionalNumber(_ column: Int) throws(ResultFailure) -> Double? {
            fields[column].isEmpty ? nil : try number(column)
        }

        package func wrong(_ column: Int, _ expected: String) -> ResultFailure {
            .malformed(
                path, line: line,
                "\(columns[column]) is \(ResultFailure.quoted(fields[column])), expected is \(expected)")
        }
    }

    /// Fields with commas or quotes are quoted as RFC 4180 says; a field holds no line end.
    private static func split(_ text: String, _ path: String, _ line: Int) throws(ResultFailure) -> [String] {
        guard text.utf8.contains(UInt8(ascii: "\"")) else {
            return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        var fields: [String] = []
        var rest = text.unicodeScalars[...]
        while true {
            var field = String.UnicodeScalarView()
            if rest.first == "\"" {
                rest.removeFirst()
                while true {
                    guard let scalar = rest.popFirst() else {
                        throw .malformed(path, line: line, "a quoted field does not end")
                    }
                    if scalar != "\"" {
                        field.append(scalar)
                    } else if rest.first == "\"" {
                        field.append(rest.removeFirst())
                    } else {
                        break
                    }
                }
            } else {
                while let scalar = rest.first, scalar != "," {
                    field.append(scalar)
                    rest.removeFirst()
                }
            }
            fields.append(String(field))
            guard let separator = rest.popFirst() else { return fields }
            guard separator == "," else { throw .malformed(path, line: line, "text follows a quoted field") }
        }
    }

    /// A field as it stands in a file; line ends become spaces.
    package static func field(_ text: String) -> String {
        let needsQuotes: Set<UInt8> = [UInt8(ascii: ","), UInt8(ascii: "\""), 10, 13]
        guard text.utf8.contains(where: needsQuotes.contains) else { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\"\""
            case "\n", "\r": quoted += " "
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
