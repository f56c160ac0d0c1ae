@_spi(_Unicode) import Swift

/// How text is compared in a search: the same for what is listed and for what is asked.
enum SearchText {
    /// Lower case in composed form (NFC), because macOS writes Korean in parts and everybody else whole.
    static func folded(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.lowercased()._nfc { scalars.append(scalar) }
        return String(scalars)
    }

    /// The words of a search; each must occur somewhere. FTS5 would take a zero for the end of all.
    static func words(_ query: String) -> [String] {
        folded(query).split { $0.isWhitespace || $0 == "\0" }.map(String.init)
    }

    /// A word as FTS5 reads it; its index holds every three characters in a row, so shorter words are not in it.
    static func phrase(_ word: String) -> String? {
        guard word.unicodeScalars.count >= 3 else { return nil }
        return "\"" + word.reduce(into: "") { $0 += $1 == "\"" ? "\"\"" : String($1) } + "\""
    }
}
