/// Colors that people with any color vision tell apart (Okabe and Ito 2008), each with a dash and a mark of its own, so
/// that a gray print tells them apart too. Yellow is left out: it cannot be seen on white.
enum Palette {
    enum Mark {
        case circle, square, triangle, diamond, wedge
    }

    struct Style {
        let color: String
        let dashes: String?
        let mark: Mark
    }

    static let styles = [
        Style(color: "#0072B2", dashes: nil, mark: .circle),
        Style(color: "#D55E00", dashes: "7 3", mark: .square),
        Style(color: "#009E73", dashes: "2 2.5", mark: .triangle),
        Style(color: "#000000", dashes: "9 3 2 3", mark: .diamond),
        Style(color: "#CC79A7", dashes: "12 4", mark: .wedge),
        Style(color: "#56B4E9", dashes: "4 2", mark: .square),
        Style(color: "#E69F00", dashes: "9 3 2 3 2 3", mark: .circle),
    ]

    static let ink = "#222222"
    static let faded = "#595959"
    static let grid = "#e4e4e4"
    static let bound = "#595959"
    static let boundDashes = "1.5 3"

    /// From early to late: lightness alone orders them.
    static let ramp = ["#c6dbef", "#85bcdb", "#4292c6", "#1764ab", "#08306b"]
}
