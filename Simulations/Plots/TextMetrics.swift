/// How wide text is, about: an SVG has no font of its own, so there must be room for the wider ones.
enum TextMetrics {
    /// Where Helvetica and its likes are missing, readers get DejaVu or Verdana.
    private static let widest = 1.16

    static func width(_ text: String, size: Double) -> Double {
        text.unicodeScalars.reduce(0) { $0 + advance($1) } * size * widest
    }

    /// In em, from the classes of Helvetica's widths.
    private static func advance(_ scalar: Unicode.Scalar) -> Double {
        switch scalar {
        case "i", "j", "l", "'", "|": 0.222
        case " ", ".", ",", ":", ";", "/", "!", "I", "f", "t", "[", "]": 0.278
        case "(", ")", "-", "r", "\"": 0.34
        case "c", "k", "s", "v", "x", "y", "z", "J": 0.5
        case "m", "M": 0.833
        case "w", "C", "D", "H", "N", "R", "U": 0.722
        case "G", "O", "Q", "%", "W", "@": 0.85
        case "A", "B", "E", "K", "P", "S", "V", "X", "Y": 0.667
        case _ where scalar.value >= 0x2e80: 1
        default: 0.556
        }
    }

    /// `text` in lines of at most `width`, broken at spaces; a longer word stands alone.
    static func wrapped(_ text: String, size: Double, width: Double) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, Self.width("\(last) \(word)", size: size) <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// `text` cut to `width`, with an ellipsis where something is missing.
    static func shortened(_ text: String, size: Double, width: Double) -> String {
        guard Self.width(text, size: size) > width else { return text }
        var short = text
        while !short.isEmpty, Self.width(short + "…", size: size) > width { short.removeLast() }
        return short + "…"
    }
}
