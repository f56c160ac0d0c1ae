/// Curves over two axes, with a question as its title, a legend and a caption.
struct Chart {
    struct Curve {
        var points: [(x: Double, y: Double)]
        var pen: Drawing.Pen
        /// At every point.
        var mark: Palette.Mark?
        /// From low to high at every point, where it is known.
        var intervals: [ClosedRange<Double>?] = []
    }

    /// One point of interest.
    struct Spot {
        let x: Double
        let y: Double
        let color: String
        let mark: Palette.Mark
        let isFilled: Bool
    }

    /// A line across the whole chart that nothing beats, or that helps to read it.
    struct Rule {
        let value: Double
        var isVertical = false
        var color = Palette.bound

        var pen: Drawing.Pen { .init(color: color, width: 1.3, dashes: Palette.boundDashes) }
    }

    struct Entry {
        var label: String
        let pen: Drawing.Pen
        var mark: Palette.Mark?
    }

    var title: String
    var caption: String
    var x: Axis
    var y: Axis
    var curves: [Curve] = []
    var spots: [Spot] = []
    var rules: [Rule] = []
    var legend: [Entry] = []

    private static let width = 760.0
    private static let margin = 22.0
    private static let plotHeight = 300.0
    private static let legendSize = 12.0
    private static let sampleWidth = 30.0

    var svg: String {
        let text = Self.width - 2 * Self.margin
        let titleLines = TextMetrics.wrapped(title, size: 17, width: text * 0.92)
        let captionLines = TextMetrics.wrapped(caption, size: 11, width: text)
        let rows = legendRows(width: text)
        let top = 34 + 21 * Double(titleLines.count - 1) + 14 + Double(rows.count) * 20 + (rows.isEmpty ? 8 : 12)
        let left = Self.margin + 26 + (y.ticks.map { TextMetrics.width($0.label, size: 12) }.max() ?? 0)
        let bottom = top + Self.plotHeight
        let height = bottom + 62 + 15 * Double(captionLines.count)
        var drawing = Drawing(width: Self.width, height: height)
        let frame = Frame(left: left, top: top, right: Self.width - Self.margin - 6, bottom: bottom, x: x, y: y)

        for (row, line) in titleLines.enumerated() {
            drawing.text(line, Self.margin, 34 + 21 * Double(row), size: 17, isBold: true)
        }
        draw(rows, from: 34 + 21 * Double(titleLines.count - 1) + 26, into: &drawing)
        drawAxes(frame, into: &drawing)
        drawing.clip("area", frame.left, frame.top - 1, frame.right - frame.left, frame.bottom - frame.top + 2)
        for rule in rules { draw(rule, frame, into: &drawing) }
        for curve in curves { draw(curve, frame, into: &drawing) }
        for spot in spots {
            let pen = Drawing.Pen(color: spot.color, width: 1.8)
            drawing.mark(
                spot.mark, frame.horizontal(spot.x), frame.vertical(spot.y), size: 4,
                fill: spot.isFilled ? spot.color : "#ffffff", pen)
        }
        for (row, line) in captionLines.enumerated() {
            drawing.text(line, Self.margin, bottom + 66 + 15 * Double(row), size: 11, color: Palette.faded)
        }
        return drawing.document(title: title, description: "\(y.title) over \(x.title). \(caption)")
    }

    /// The rectangle between the axes, and how values become places in it.
    private struct Frame {
        let left, top, right, bottom: Double
        let x, y: Axis

        func horizontal(_ value: Double) -> Double { left + x.position(value) * (right - left) }
        func vertical(_ value: Double) -> Double { bottom - y.position(value) * (bottom - top) }
    }

    // MARK: Axes

    private func drawAxes(_ frame: Frame, into drawing: inout Drawing) {
        for tick in y.ticks where (-0.001...1.001).contains(y.position(tick.value)) {
            let place = frame.vertical(tick.value)
            drawing.line(frame.left, place, frame.right, place, .init(color: Palette.grid))
            drawing.text(tick.label, frame.left - 8, place + 4, size: 12, anchor: .end)
        }
        var occupied = -Double.infinity
        for tick in x.ticks where (-0.001...1.001).contains(x.position(tick.value)) {
            let place = frame.horizontal(tick.value)
            drawing.line(place, frame.bottom, place, frame.bottom + (tick.isMinor ? 3 : 5), .init(color: Palette.ink))
            let label = TextMetrics.shortened(tick.label, size: 12, width: 130)
            let half = TextMetrics.width(label, size: 12) / 2
            guard !label.isEmpty, place - half > occupied else { continue }
            drawing.text(label, place, frame.bottom + 19, size: 12, anchor: .middle)
            occupied = place + half + 6
        }
        drawing.line(frame.left, frame.bottom, frame.right, frame.bottom, .init(color: Palette.ink))
        drawing.text(x.title, (frame.left + frame.right) / 2, frame.bottom + 41, size: 13, anchor: .middle)
        drawing.text(
            y.title, Self.margin + 10, (frame.top + frame.bottom) / 2, size: 13, anchor: .middle, isRotated: true)
    }

    // MARK: Curves and rules

    private func draw(_ curve: Curve, _ frame: Frame, into drawing: inout Drawing) {
        let points = curve.points.map { (x: frame.horizontal($0.x), y: frame.vertical($0.y)) }
        for (point, interval) in zip(points, curve.intervals) {
            guard let interval else { continue }
            let high = max(frame.top, frame.vertical(interval.upperBound))
            let low = min(frame.bottom, frame.vertical(interval.lowerBound))
            let pen = Drawing.Pen(color: curve.pen.color, width: 1.4)
            drawing.line(point.x, low, point.x, high, pen)
            for end in [low, high] { drawing.line(point.x - 4, end, point.x + 4, end, pen) }
        }
        drawing.path(points, curve.pen, clip: "area")
        guard let mark = curve.mark else { return }
        for point in points where (frame.top - 1...frame.bottom + 1).contains(point.y) {
            drawing.mark(mark, point.x, point.y, size: 4, fill: curve.pen.color, .init(color: "#ffffff", width: 0.8))
        }
    }

    private func draw(_ rule: Rule, _ frame: Frame, into drawing: inout Drawing) {
        if rule.isVertical {
            let place = frame.horizontal(rule.value)
            guard (frame.left...frame.right).contains(place) else { return }
            drawing.line(place, frame.top, place, frame.bottom, rule.pen)
        } else {
            let place = frame.vertical(rule.value)
            guard (frame.top - 1...frame.bottom + 1).contains(place) else { return }
            drawing.line(frame.left, place, frame.right, place, rule.pen)
        }
    }

    // MARK: Legend

    /// In columns, when one row is not enough.
    private func legendRows(width: Double) -> [[Entry]] {
        let widths = legend.map(Self.legendWidth)
        guard let widest = widths.max(), widths.reduce(0, +) > width else { return legend.isEmpty ? [] : [legend] }
        let columns = max(1, Int(width / widest))
        return stride(from: 0, to: legend.count, by: columns).map {
            Array(legend[$0..<min($0 + columns, legend.count)])
        }
    }

    private static func legendWidth(_ entry: Entry) -> Double {
        sampleWidth + 8 + TextMetrics.width(entry.label, size: legendSize) + 18
    }

    private func draw(_ rows: [[Entry]], from first: Double, into drawing: inout Drawing) {
        let column = rows.count > 1 ? legend.map(Self.legendWidth).max() : nil
        for (number, row) in rows.enumerated() {
            let y = first + 20 * Double(number)
            var x = Self.margin
            for entry in row {
                drawing.line(x, y - 4, x + Self.sampleWidth, y - 4, entry.pen)
                if let mark = entry.mark {
                    drawing.mark(
                        mark, x + Self.sampleWidth / 2, y - 4, size: 4, fill: entry.pen.color,
                        .init(color: "#ffffff", width: 0.8))
                }
                drawing.text(entry.label, x + Self.sampleWidth + 8, y, size: Self.legendSize)
                x += column ?? Self.legendWidth(entry)
            }
        }
    }
}
