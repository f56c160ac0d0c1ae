import Results

/// The way of one piece: the origin on top, below it those who got it from the origin, and so on.
struct DeliveryTree {
    private struct Node {
        let viewer: Int
        let parent: Int?
        let arrived: Double
        var hop = 0
        var x = 0.0
    }

    private let run: ResultFolder
    private let segment: Int
    private let piece: Int
    private var layers: [[Node]] = []
    /// Viewers whose way does not lead back to the origin.
    private var stray = 0
    private var start = 0.0
    private var latest = 0.0
    private let others: Int

    private static let width = 760.0
    private static let margin = 22.0
    private static let gutter = 118.0
    /// Room for three lines of words at least; a deep tree is squeezed to about a page.
    private var layerHeight: Double { max(58, min(86, 900 / Double(max(1, layers.count)))) }

    /// Of the first of `runs`: a tree belongs to one run.
    init(of runs: RunCollection) throws(ResultFailure) {
        let run = runs.runs[0]
        self.run = run
        others = runs.runs.count - 1
        let edges = try run.rows(TreeEdge.self)
        guard let first = edges.first else {
            throw ResultFailure(
                "\(run.path)/\(TreeEdge.file) has no edge: nobody got the piece", exitCode: ResultFailure.missing)
        }
        (segment, piece) = (first.segment, first.piece)
        // A piece that arrives twice was had the first time.
        var nodes: [Int: Node] = [:]
        for edge in edges where edge.segment == segment && edge.piece == piece {
            if let known = nodes[edge.to], known.arrived <= edge.arrived { continue }
            nodes[edge.to] = Node(viewer: edge.to, parent: edge.from, arrived: edge.arrived)
        }
        start = edges.map(\.sent).min() ?? 0
        arrange(nodes)
        latest = layers.joined().map(\.arrived).max() ?? start
    }

    private mutating func arrange(_ nodes: [Int: Node]) {
        var children: [Int?: [Node]] = [:]
        for node in nodes.values.sorted(by: { ($0.arrived, $0.viewer) < ($1.arrived, $1.viewer) }) {
            children[node.parent, default: []].append(node)
        }
        var placed = 0
        var current = children[nil] ?? []
        while !current.isEmpty {
            for index in current.indices {
                current[index].hop = layers.count + 1
                current[index].x = (Double(index) + 0.5) / Double(current.count)
            }
            layers.append(current)
            placed += current.count
            // The origin and its children come once; a circle never starts, so this ends.
            current = current.flatMap { children[$0.viewer] ?? [] }
        }
        stray = nodes.count - placed
    }

    // MARK: Drawing

    var svg: String {
        let question = run.manifest.question
        let titleLines = TextMetrics.wrapped(question, size: 17, width: (Self.width - 2 * Self.margin) * 0.92)
        let captionLines = TextMetrics.wrapped(caption, size: 11, width: Self.width - 2 * Self.margin)
        let head = 34 + 21 * Double(titleLines.count - 1)
        let top = head + 62
        let bottom = top + layerHeight * Double(layers.count)
        var drawing = Drawing(width: Self.width, height: bottom + 58 + 15 * Double(captionLines.count))
        for (row, line) in titleLines.enumerated() {
            drawing.text(line, Self.margin, 34 + 21 * Double(row), size: 17, isBold: true)
        }
        drawing.text(
            "The way of piece \(piece) of segment \(segment)", Self.margin, head + 22, size: 12, color: Palette.faded)
        drawEdges(top, into: &drawing)
        drawNodes(top, into: &drawing)
        drawScale(bottom + 30, into: &drawing)
        for (row, line) in captionLines.enumerated() {
            drawing.text(line, Self.margin, bottom + 62 + 15 * Double(row), size: 11, color: Palette.faded)
        }
        return drawing.document(
            title: question, description: "The way of piece \(piece) of segment \(segment) from the origin. \(caption)")
    }

    private var caption: String {
        let count = layers.joined().count
        var text =
            "Run \(run.runID), scenario \(run.manifest.scenario), seed \(run.manifest.seed). "
            + "\(Self.viewers(count)) in \(layers.count) \(layers.count == 1 ? "hop" : "hops"), the last "
            + "\(Self.time(latest - start)) after the origin began to send."
        if stray > 0 { text += " \(stray) more have no recorded way from the origin." }
        if others > 0 { text += " One of \(others + 1) runs." }
        return text
    }

    private static func viewers(_ count: Int) -> String { count == 1 ? "1 viewer" : "\(count) viewers" }

    private func horizontal(_ x: Double) -> Double {
        Self.margin + Self.gutter + x * (Self.width - 2 * Self.margin - Self.gutter)
    }

    private func drawEdges(_ top: Double, into drawing: inout Drawing) {
        let count = layers.joined().count
        var places: [Int: Double] = [:]
        for (depth, layer) in layers.enumerated() {
            let y = top + layerHeight * Double(depth)
            // Words fit only where edges are apart.
            let hasTimes = Self.spacing(layer) >= 44
            for node in layer {
                let from = node.parent.flatMap { places[$0] } ?? horizontal(0.5)
                let to = horizontal(node.x)
                places[node.viewer] = to
                let pen = Drawing.Pen(
                    color: "#8a8a8a", width: count > 300 ? 0.6 : 1, opacity: count > 300 ? 0.75 : 0.8)
                drawing.line(from, y, to, y + layerHeight, pen)
            }
            guard hasTimes else { continue }
            for node in layer {
                let y = y + layerHeight - Self.radius(layer) - 6
                drawing.text(
                    Self.time(node.arrived - start), horizontal(node.x), y, size: 10, color: Palette.faded,
                    anchor: .middle, hasHalo: true)
            }
        }
    }

    private func drawNodes(_ top: Double, into drawing: inout Drawing) {
        drawing.text("origin", Self.margin, top + 4, size: 12, isBold: true)
        drawing.mark(.diamond, horizontal(0.5), top, size: 9, fill: "#000000", .init(color: "#ffffff"))
        for (depth, layer) in layers.enumerated() {
            let y = top + layerHeight * Double(depth + 1)
            let radius = Self.radius(layer)
            for node in layer {
                drawing.circle(
                    horizontal(node.x), y, radius: radius, fill: color(node.arrived),
                    radius > 2 ? .init(color: Palette.ink, width: 0.7) : nil)
                if radius >= 9 {
                    let isDark = shade(node.arrived) >= 2
                    drawing.text(
                        "\(node.viewer)", horizontal(node.x), y + 3.5, size: 9.5,
                        color: isDark ? "#ffffff" : Palette.ink, anchor: .middle)
                }
            }
            let times = layer.map { $0.arrived - start }
            drawing.text("hop \(depth + 1)", Self.margin, y - 8, size: 12, isBold: true)
            drawing.text(
                Self.viewers(layer.count), Self.margin, y + 7, size: 11,
                color: Palette.faded)
            drawing.text(
                "median \(Self.time(Quantile.exact(0.5, of: times) ?? 0))", Self.margin, y + 21, size: 11,
                color: Palette.faded)
        }
    }

    private func drawScale(_ y: Double, into drawing: inout Drawing) {
        var x = Self.margin + Self.gutter
        drawing.text("arrived after", x, y + 9, size: 11, color: Palette.faded)
        x += 76
        for (step, color) in Palette.ramp.enumerated() {
            let end = (latest - start) * Double(step + 1) / Double(Palette.ramp.count)
            let label = "≤ \(Self.time(end))"
            drawing.rectangle(x, y, 14, 10, fill: color, .init(color: Palette.ink, width: 0.5))
            drawing.text(label, x + 19, y + 9, size: 11, color: Palette.faded)
            x += 19 + TextMetrics.width(label, size: 11) + 16
        }
    }

    private static func spacing(_ layer: [Node]) -> Double {
        (width - 2 * margin - gutter) / Double(max(1, layer.count))
    }

    private static func radius(_ layer: [Node]) -> Double { min(11, max(1.2, spacing(layer) * 0.42)) }

    private func shade(_ arrived: Double) -> Int {
        guard latest > start else { return 0 }
        let steps = Double(Palette.ramp.count)
        return max(0, min(Palette.ramp.count - 1, Int(((arrived - start) / (latest - start) * steps).rounded(.up)) - 1))
    }

    private func color(_ arrived: Double) -> String { Palette.ramp[shade(arrived)] }

    private static func time(_ seconds: Double) -> String {
        seconds < 1 ? "\(Int((seconds * 1_000).rounded())) ms" : "\(Phrase.short(seconds)) s"
    }
}
