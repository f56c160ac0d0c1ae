package import Vocabulary

/// Whatever is needed within a fixed time comes from the origin, as in p2p-media-loader's high-demand window.
package struct FixedWindow: FallbackRule {
    private static let window = Interval.seconds(15)

    package init() {}

    package func threshold(fetch: Interval, slack: Interval, wait: Interval, usual: Interval?) -> Interval {
        Self.window
    }
}
