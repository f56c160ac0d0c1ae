import Results

/// An SVG document in the making: the same calls give the same bytes.
struct Drawing {
    enum Anchor: String {
        case start, middle, end
    }

    struct Pen {
        var color: String
        var width = 1.0
        /// Lengths of dashes and gaps in pixels, as SVG writes them.
        var dashes: String?
        var opacity = 1.0
    }

    let width: Double
    let height: Double
    private var body = ""

    init(width: Double, height: Double) {
        self.width = width
        self.height = height
    }

    // MARK: Shapes

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ pen: Pen) {
        body += "<line x1=\"\(Self.number(x1))\" y1=\"\(Self.number(y1))\" x2=\"\(Self.number(x2))\" "
        body += "y2=\"\(Self.number(y2))\"\(Self.stroke(pen))/>\n"
    }

    mutating func path(_ points: [(x: Double, y: Double)], _ pen: Pen, clip: String? = nil) {
        guard let first = points.first else { return }
        var data = "M\(Self.number(first.x)) \(Self.number(first.y))"
        for point in points.dropFirst() { data += "L\(Self.number(point.x)) \(Self.number(point.y))" }
        let clipping = clip.map { " clip-path=\"url(#\($0))\"" } ?? ""
        body += "<path d=\"\(data)\" fill=\"none\" stroke-linejoin=\"round\"\(Self.stroke(pen))\(clipping)/>\n"
    }

    mutating func circle(_ x: Double, _ y: Double, radius: Double, fill: String, _ pen: Pen? = nil) {
        body += "<circle cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"\(Self.number(radius))\" "
        body += "fill=\"\(fill)\"\(pen.map(Self.stroke) ?? "")/>\n"
    }

    mutating func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, fill: String, _ pen: Pen? = nil
    ) {
        body += "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\" "
        body += "height=\"\(Self.number(height))\" fill=\"\(fill)\"\(pen.map(Self.stroke) ?? "")/>\n"
    }

    /// A mark of one of the shapes that tell series apart without color.
    mutating func mark(_ shape: Palette.Mark, _ x: Double, _ y: Double, size: Double, fill: String, _ pen: Pen) {
        let corners: [(Double, Double)]
        switch shape {
        case .circle: return circle(x, y, radius: size, fill: fill, pen)
        case .square: corners = [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)]
        case .triangle: corners = [(0, -1.15), (1.05, 0.8), (-1.05, 0.8)]
        case .diamond: corners = [(0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)]
        case .wedge: corners = [(0, 1.15), (1.05, -0.8), (-1.05, -0.8)]
        }
        let points = corners.map { "\(Self.number(x + $0.0 * size)),\(Self.number(y + $0.1 * size))" }
        body += "<polygon points=\"\(points.joined(separator: " "))\" fill=\"\(fill)\"\(Self.stroke(pen))/>\n"
    }

    mutating func text(
        _ text: String, _ x: Double, _ y: Double, size: Double, color: String = Palette.ink, anchor: Anchor = .start,
        isBold: Bool = false, isRotated: Bool = false, hasHalo: Bool = false
    ) {
        body += "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(Self.number(size))\""
        body += " fill=\"\(color)\""
        if anchor != .start { body += " text-anchor=\"\(anchor.rawValue)\"" }
        if isBold { body += " font-weight=\"600\"" }
        if isRotated { body += " transform=\"rotate(-90 \(Self.number(x)) \(Self.number(y)))\"" }
        // Readable where it crosses a line.
        if hasHalo { body += " stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\"" }
        body += ">\(Self.escaped(text))</text>\n"
    }

    mutating func clip(_ name: String, _ x: Double, _ y: Double, _ width: Double, _ height: Double) {
        body += "<clipPath id=\"\(name)\"><rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" "
        body += "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\"/></clipPath>\n"
    }

    // MARK: The document

    /// `title` and `description` are what a reader hears who does not see the picture.
    func document(title: String, description: String) -> String {
        let (width, height) = (Self.number(width), Self.number(height))
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" \
            role="img" font-family="Helvetica, Arial, 'Liberation Sans', sans-serif">
            <title>\(Self.escaped(title))</title>
            <desc>\(Self.escaped(description))</desc>
            <rect width="\(width)" height="\(height)" fill="#ffffff"/>
            \(body)</svg>

            """
    }

    private static func stroke(_ pen: Pen) -> String {
        var text = " stroke=\"\(pen.color)\" stroke-width=\"\(number(pen.width))\""
        if let dashes = pen.dashes { text += " stroke-dasharray=\"\(dashes)\"" }
        if pen.opacity < 1 { text += " stroke-opacity=\"\(number(pen.opacity))\"" }
        return text
    }

    /// A hundredth of a pixel is finer than any printer, and hides the last bits in which C libraries differ.
    private static func number(_ value: Double) -> String { Numeral.text((value * 100).rounded() / 100) }

    /// Text as XML wants it: what XML cannot hold at all becomes a replacement character.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "\t", "\n", "\r": escaped += " "
            case _ where scalar.value < 32 || [0xfffe, 0xffff].contains(scalar.value): escaped += "\u{fffd}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
