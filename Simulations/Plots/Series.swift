import Results

/// The curves of one setting: a thin one for each seed and a bold one for their mean.
struct Series {
    let setting: RunCollection.Setting
    /// Of the setting among all.
    let index: Int
    /// One for each seed.
    let curves: [[(x: Double, y: Double)]]

    /// More points than pixels say nothing.
    private static let mostPoints = 1_400

    private var style: Palette.Style { Palette.styles[index] }

    var mean: [(x: Double, y: Double)] {
        guard curves.count > 1 else { return curves.first ?? [] }
        var sums: [Double: (sum: Double, count: Int)] = [:]
        for point in curves.joined() {
            sums[point.x, default: (0, 0)].sum += point.y
            sums[point.x]?.count += 1
        }
        // Where a seed has no value, the mean of the others would jump.
        return sums.filter { $0.value.count == curves.count }.map {
            (x: $0.key, y: $0.value.sum / Double($0.value.count))
        }
        .sorted { $0.x < $1.x }
    }

    func draw(into chart: inout Chart, mark: Bool = false) {
        if curves.count > 1 {
            for curve in curves {
                chart.curves.append(
                    .init(
                        points: Self.thinned(curve),
                        pen: .init(color: style.color, width: 0.7, opacity: curves.count > 8 ? 0.25 : 0.4)))
            }
        }
        let bold = Self.thinned(mean)
        chart.curves.append(
            .init(
                points: bold, pen: .init(color: style.color, width: 2.2, dashes: style.dashes),
                mark: mark && bold.count <= 40 ? style.mark : nil))
    }

    /// `remark` follows the setting's name.
    func entry(_ remark: String = "") -> Chart.Entry {
        .init(label: setting.label + remark, pen: .init(color: style.color, width: 2.2, dashes: style.dashes))
    }

    /// Means of neighbors, when there are more points than a picture can show.
    static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        guard points.count > mostPoints else { return points }
        let size = (points.count + mostPoints - 1) / mostPoints
        return stride(from: 0, to: points.count, by: size).map { start in
            let part = points[start..<min(start + size, points.count)]
            let count = Double(part.count)
            return (x: part.reduce(0) { $0 + $1.x } / count, y: part.reduce(0) { $0 + $1.y } / count)
        }
    }
}
