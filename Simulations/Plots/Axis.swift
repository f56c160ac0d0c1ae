import Glibc
import Results

/// One direction of a chart: which values it shows, where, and at which of them it writes a number.
struct Axis {
    enum Scale {
        case linear
        case logarithmic
        /// Names at 0, 1, 2 and so on.
        case names([String])
    }

    struct Tick {
        let value: Double
        let label: String
        var isMinor = false
    }

    let title: String
    let range: ClosedRange<Double>
    let scale: Scale
    let ticks: [Tick]

    /// From `range` outwards to round numbers, or exactly `range` when `isExact`.
    ///
    /// Values are multiplied by `factor` for the labels alone: 100 for percent.
    static func linear(
        _ title: String, _ range: ClosedRange<Double>, factor: Double = 1, about count: Int = 6, isExact: Bool = false
    ) -> Axis {
        let span = range.upperBound - range.lowerBound
        let shown = (span > 0 ? span : max(abs(range.upperBound), 1)) * factor
        let step = roundStep(shown / Double(count))
        let first = (range.lowerBound * factor / step.size + (isExact ? -1e-9 : 1e-9)).rounded(isExact ? .up : .down)
        var last = (range.upperBound * factor / step.size + (isExact ? 1e-9 : -1e-9)).rounded(isExact ? .down : .up)
        if last <= first, !isExact { last = first + Double(count) }
        let ticks = stride(from: first, through: last, by: 1).map { multiple in
            Tick(value: multiple * step.size / factor, label: label(multiple * step.size, decimals: step.decimals))
        }
        let outer = isExact ? range : first * step.size / factor...last * step.size / factor
        return Axis(
            title: title, range: outer.upperBound > outer.lowerBound ? outer : outer.lowerBound...outer.lowerBound + 1,
            scale: .linear, ticks: ticks)
    }

    /// Covers `range`, which must be positive, with ticks at 1, 2 and 5 times the powers of ten.
    static func logarithmic(_ title: String, _ range: ClosedRange<Double>) -> Axis {
        let low = log10(range.lowerBound)
        let high = max(log10(range.upperBound), low + 0.1)
        var ticks: [Tick] = []
        for exponent in Int(low.rounded(.down))...Int(high.rounded(.up)) {
            for digit in 1...9 {
                let value = Double(digit) * pow(10, Double(exponent))
                guard (low - 1e-9...high + 1e-9).contains(log10(value)) else { continue }
                let isLabeled = digit == 1 || high - low < 2.5 && [2, 5].contains(digit)
                ticks.append(Tick(value: value, label: isLabeled ? Numeral.text(value) : "", isMinor: !isLabeled))
            }
        }
        return Axis(title: title, range: pow(10, low)...pow(10, high), scale: .logarithmic, ticks: ticks)
    }

    static func names(_ title: String, _ names: [String]) -> Axis {
        Axis(
            title: title, range: -0.5...Double(max(1, names.count)) - 0.5, scale: .names(names),
            ticks: names.enumerated().map { Tick(value: Double($0.offset), label: $0.element) })
    }

    /// The same axis with ticks at `values`, if there are any.
    func marking(_ values: [Double]) -> Axis {
        guard !values.isEmpty else { return self }
        let ticks = values.sorted().map { Tick(value: $0, label: Self.label($0, decimals: 0, fixed: false)) }
        return Axis(title: title, range: range, scale: scale, ticks: ticks)
    }

    /// Where `value` is: 0 at the start of the axis, 1 at its end.
    func position(_ value: Double) -> Double {
        switch scale {
        case .linear, .names: (value - range.lowerBound) / (range.upperBound - range.lowerBound)
        case .logarithmic:
            // What is not positive is infinitely far to the left; a little outside is far enough.
            value <= 0
                ? -0.05
                : (log10(value) - log10(range.lowerBound)) / (log10(range.upperBound) - log10(range.lowerBound))
        }
    }

    private static func roundStep(_ rough: Double) -> (size: Double, decimals: Int) {
        let exponent = log10(rough).rounded(.down)
        let power = pow(10, exponent)
        let digit = [1.0, 2, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10
        return (digit * power, max(0, -Int(exponent) - (digit == 10 ? 1 : 0)))
    }

    /// With as many decimals as the step needs, or the value when they are not `fixed`, and thin spaces between thousands.
    private static func label(_ value: Double, decimals: Int, fixed: Bool = true) -> String {
        let plain = Numeral.text(value)
        guard !plain.contains("e") else { return plain }
        let parts = plain.split(separator: ".")
        var whole = String(parts[0])
        if whole.count > 4 {
            let digits = Array(whole)
            whole = digits.enumerated().map { position, digit in
                let left = digits.count - position
                return position > 0 && left % 3 == 0 && digits[position - 1] != "-" ? "\u{2009}\(digit)" : "\(digit)"
            }.joined()
        }
        let fraction = parts.count > 1 ? String(parts[1].prefix(max(decimals, fixed ? decimals : 9))) : ""
        guard decimals > 0 || !fraction.isEmpty else { return whole.replacingMinus }
        let zeros = String(repeating: "0", count: max(0, decimals - fraction.count))
        return (whole + "." + fraction + zeros).replacingMinus
    }
}

extension String {
    /// Typographers' minus is as wide as a digit.
    fileprivate var replacingMinus: String { hasPrefix("-") ? "\u{2212}" + dropFirst() : self }
}
