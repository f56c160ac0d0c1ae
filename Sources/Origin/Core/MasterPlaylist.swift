/// The HLS multivariant playlist: which renditions a player can choose from.
package struct MasterPlaylist: Hashable, Sendable {
    package struct Variant: Hashable, Sendable {
        package var uri: String
        /// Bits per second that no segment exceeds.
        package var bandwidth: Int
        package var averageBandwidth: Int
        package var codecs: [String]
        package var width: Int
        package var height: Int
        /// Frames per thousand seconds; 0 when unknown.
        package var framesPerKilosecond: Int

        package init(
            uri: String, bandwidth: Int, averageBandwidth: Int, codecs: [String], width: Int, height: Int,
            framesPerKilosecond: Int
        ) {
            self.uri = uri
            self.bandwidth = bandwidth
            self.averageBandwidth = averageBandwidth
            self.codecs = codecs
            self.width = width
            self.height = height
            self.framesPerKilosecond = framesPerKilosecond
        }
    }

    package var variants: [Variant]

    package init(variants: [Variant]) { self.variants = variants }

    package var text: String {
        var text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        for variant in variants {
            text += "#EXT-X-STREAM-INF:BANDWIDTH=\(variant.bandwidth),AVERAGE-BANDWIDTH=\(variant.averageBandwidth)"
            if !variant.codecs.isEmpty { text += ",CODECS=\"\(variant.codecs.joined(separator: ","))\"" }
            if variant.width > 0, variant.height > 0 { text += ",RESOLUTION=\(variant.width)x\(variant.height)" }
            if variant.framesPerKilosecond > 0 {
                let fraction = String(variant.framesPerKilosecond % 1_000)
                text += ",FRAME-RATE=\(variant.framesPerKilosecond / 1_000)."
                text += String(repeating: "0", count: 3 - fraction.count) + fraction
            }
            text += "\n\(variant.uri)\n"
        }
        return text
    }
}
