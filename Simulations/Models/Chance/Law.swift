package import Vocabulary

/// How long sessions last, how large flows are: the distribution of a positive quantity.
package enum Law: Hashable, Sendable {
    case constant(Double)
    case exponential(mean: Double)
    /// exp of a normal variable.
    case lognormal(mu: Double, sigma: Double)
    case weibull(shape: Double, scale: Double)
    /// P(X > x) = (minimum / x)^shape; the mean is finite for a shape above 1, the variance above 2.
    case pareto(shape: Double, minimum: Double)

    package static func pareto(shape: Double, mean: Double) -> Law {
        .pareto(shape: shape, minimum: mean * (shape - 1) / shape)
    }

    package static func lognormal(mean: Double, sigma: Double) -> Law {
        .lognormal(mu: Elementary.log(mean) - sigma * sigma / 2, sigma: sigma)
    }

    package var mean: Double { moment(1) }

    /// How long those who are present have been there on average; as long as they will stay on.
    package var meanAge: Double { moment(2) / (2 * moment(1)) }

    package var median: Double {
        switch self {
        case .constant(let value): value
        case .exponential(let mean): mean * Elementary.log(2)
        case .lognormal(let mu, _): Elementary.exp(mu)
        case .weibull(let shape, let scale): scale * Elementary.power(Elementary.log(2), 1 / shape)
        case .pareto(let shape, let minimum): minimum * Elementary.power(2, 1 / shape)
        }
    }

    /// The law of `factor` times as much.
    package func scaled(by factor: Double) -> Law {
        switch self {
        case .constant(let value): .constant(value * factor)
        case .exponential(let mean): .exponential(mean: mean * factor)
        case .lognormal(let mu, let sigma): .lognormal(mu: mu + Elementary.log(factor), sigma: sigma)
        case .weibull(let shape, let scale): .weibull(shape: shape, scale: scale * factor)
        case .pareto(let shape, let minimum): .pareto(shape: shape, minimum: minimum * factor)
        }
    }

    /// E[X^order].
    package func moment(_ order: Double) -> Double {
        switch self {
        case .constant(let value): Elementary.power(value, order)
        case .exponential(let mean): Elementary.exp(order * Elementary.log(mean) + Elementary.logGamma(1 + order))
        case .lognormal(let mu, let sigma): Elementary.exp(order * mu + order * order * sigma * sigma / 2)
        case .weibull(let shape, let scale):
            Elementary.exp(order * Elementary.log(scale) + Elementary.logGamma(1 + order / shape))
        case .pareto(let shape, let minimum):
            shape > order ? shape * Elementary.power(minimum, order) / (shape - order) : .infinity
        }
    }

    package func draw(_ random: inout Randomness) -> Double {
        switch self {
        case .constant(let value): value
        case .exponential(let mean): random.exponential(mean: mean)
        case .lognormal(let mu, let sigma): Elementary.exp(mu + sigma * random.normal())
        case .weibull(let shape, let scale):
            scale * Elementary.power(random.exponential(mean: 1) + .leastNormalMagnitude, 1 / shape)
        case .pareto(let shape, let minimum): minimum / Elementary.power(random.unit(), 1 / shape)
        }
    }

    /// What remains of the session of somebody who is present: a uniform part of a length drawn in proportion to itself.
    package func drawRemaining(_ random: inout Randomness) -> Double {
        let whole =
            switch self {
            case .constant(let value): value
            case .exponential(let mean): random.exponential(mean: mean) + random.exponential(mean: mean)
            case .lognormal(let mu, let sigma): Elementary.exp(mu + sigma * sigma + sigma * random.normal())
            case .weibull(let shape, let scale): scale * Elementary.power(random.gamma(shape: 1 + 1 / shape), 1 / shape)
            case .pareto(let shape, let minimum): minimum / Elementary.power(random.unit(), 1 / (shape - 1))
            }
        return whole * random.unit()
    }
}
