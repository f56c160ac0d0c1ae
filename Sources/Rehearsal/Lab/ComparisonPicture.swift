import Foundation

/// Paired bars, real beside simulated, a panel for each figure and a row for each scenario.
struct ComparisonPicture {
    private let comparisons: [Comparison]

    private static let labelWidth = 110.0
    private static let panelWidth = 220.0
    private static let gap = 28.0
    private static let top = 64.0
    private static let rowHeight = 40.0
    private static let barHeight = 13.0
    /// Okabe and Ito's blue and orange: everybody can tell them apart, also in print.
    private static let real = "#0072b2"
    private static let imagined = "#e69f00"

    init(_ comparisons: [Comparison]) { self.comparisons = comparisons }

    var svg: String {
        let width = Self.labelWidth + 3 * (Self.panelWidth + Self.gap)
        let height = Self.top + Double(comparisons.count) * Self.rowHeight + 16
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(text(width)) \(text(height))" \
            font-family="sans-serif" font-size="12" fill="#222222">
            """,
            "<rect width=\"\(text(width))\" height=\"\(text(height))\" fill=\"#ffffff\"/>",
            bar(10, 10, 12, Self.real) + label(28, 21, "real programs"),
            bar(130, 10, 12, Self.imagined) + label(148, 21, "simulated"),
        ]
        for (row, comparison) in comparisons.enumerated() {
            parts.append(
                label(Self.labelWidth - 10, y(row) + Self.barHeight + 4, Self.escaped(comparison.name), anchor: "end"))
        }
        parts += panel(0, "copies (origin payload / stream)", \.copies)
        parts += panel(1, "delay, median, s", \.delayMedian)
        parts += panel(2, "delay, 95 %, s", \.delay95)
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    private func panel(_ number: Int, _ title: String, _ figure: KeyPath<Comparison.Figures, Double?>) -> [String] {
        let left = Self.labelWidth + Double(number) * (Self.panelWidth + Self.gap)
        let values = comparisons.flatMap { [$0.real.figures[keyPath: figure], $0.imagined[keyPath: figure]] }
            .compactMap(\.self)
        let greatest = max(values.max() ?? 1, 1e-9)
        // Room for the number behind the longest bar.
        let scale = (Self.panelWidth - 40) / greatest
        var parts = [
            label(left, Self.top - 14, title),
            """
            <path d="M\(text(left)) \(text(Self.top - 4))V\(text(y(comparisons.count) - 4))" stroke="#888888" fill="none"/>
            """,
        ]
        for (row, comparison) in comparisons.enumerated() {
            let pair = [
                (comparison.real.figures[keyPath: figure], Self.real),
                (comparison.imagined[keyPath: figure], Self.imagined),
            ]
            for (place, (value, color)) in pair.enumerated() {
                let top = y(row) + Double(place) * (Self.barHeight + 2)
                if let value { parts.append(bar(left, top, value * scale, color, height: Self.barHeight)) }
                parts.append(label(left + (value ?? 0) * scale + 4, top + 11, Table.number(value)))
            }
        }
        return parts
    }

    private func y(_ row: Int) -> Double { Self.top + Double(row) * Self.rowHeight }

    private func bar(_ x: Double, _ y: Double, _ width: Double, _ color: String, height: Double = 12) -> String {
        "<rect x=\"\(text(x))\" y=\"\(text(y))\" width=\"\(text(width))\" height=\"\(text(height))\" fill=\"\(color)\"/>"
    }

    private func label(_ x: Double, _ y: Double, _ words: String, anchor: String = "start") -> String {
        "<text x=\"\(text(x))\" y=\"\(text(y))\" text-anchor=\"\(anchor)\">\(words)</text>"
    }

    private func text(_ value: Double) -> String { Table.number(value) }

    private static func escaped(_ name: String) -> String {
        name.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
