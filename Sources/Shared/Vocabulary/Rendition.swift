/// What a player chooses a rendition by. While a broadcast lives it changes only with what the rendition is made of, and when
/// its bandwidth is exceeded.
package struct Rendition: Hashable, Sendable {
    /// Bits per second that no segment exceeds.
    package var bandwidth: Int
    package var averageBandwidth: Int
    /// As RFC 6381 writes them, such as `avc1.64001f`.
    package var codecs: [String]
    /// 0 without pictures.
    package var width: Int
    package var height: Int
    /// Frames per thousand seconds; 0 when unknown.
    package var framesPerKilosecond: Int
    /// Channels of its sound; 0 without sound, or when unknown.
    package var channels: Int

    package init(
        bandwidth: Int, averageBandwidth: Int, codecs: [String], width: Int = 0, height: Int = 0,
        framesPerKilosecond: Int = 0, channels: Int = 0
    ) {
        self.bandwidth = bandwidth
        self.averageBandwidth = averageBandwidth
        self.codecs = codecs
        self.width = width
        self.height = height
        self.framesPerKilosecond = framesPerKilosecond
        self.channels = channels
    }

    package var videoCodec: String? { codecs.first { !Self.isSound($0) } }
    package var audioCodec: String? { codecs.first(where: Self.isSound) }

    private static func isSound(_ codec: String) -> Bool {
        ["mp4a", "ac-3", "ec-3", "Opus", "fLaC"].contains { codec.hasPrefix($0) }
    }

    /// Letters, digits, dots and hyphens: what can stand in a playlist without harm.
    package static func isCodec(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 46
            }
    }

    /// Frames per second with three decimals.
    package var frameRate: String {
        let fraction = String(framesPerKilosecond % 1_000)
        return "\(framesPerKilosecond / 1_000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}

/// The HLS multivariant playlist: which renditions a player can choose from.
///
/// A rendition of sound alone is a choice of its own. Where the others are silent it is also their sound.
package struct MasterPlaylist: Hashable, Sendable {
    package var renditions: [Rendition]

    package init(_ renditions: [Rendition]) { self.renditions = renditions }

    /// The URI of a rendition's media playlist, relative to this one.
    package static func uri(of rendition: Int) -> String { "\(rendition)/index.m3u8" }

    /// The rendition that holds the sound of all others, if there is one.
    package var sound: Int? {
        guard let sound = renditions.firstIndex(where: { $0.videoCodec == nil && $0.audioCodec != nil }),
            renditions.contains(where: { $0.videoCodec != nil }),
            renditions.allSatisfy({ $0.videoCodec == nil || $0.audioCodec == nil })
        else { return nil }
        return sound
    }

    package var text: String {
        var text = "#EXTM3U\n#EXT-X-VERSION:3\n"
        let sound = sound.map { (number: $0, rendition: renditions[$0]) }
        if let sound {
            text += "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"Sound\",DEFAULT=YES,AUTOSELECT=YES"
            if sound.rendition.channels > 0 { text += ",CHANNELS=\"\(sound.rendition.channels)\"" }
            text += ",URI=\"\(Self.uri(of: sound.number))\"\n"
        }
        for (number, rendition) in renditions.enumerated() {
            // The sound that comes from elsewhere counts as well.
            let extra = rendition.videoCodec != nil ? sound?.rendition : nil
            text += "#EXT-X-STREAM-INF:BANDWIDTH=\(rendition.bandwidth + (extra?.bandwidth ?? 0))"
            text += ",AVERAGE-BANDWIDTH=\(rendition.averageBandwidth + (extra?.averageBandwidth ?? 0))"
            let codecs = rendition.codecs + (extra?.codecs ?? [])
            if !codecs.isEmpty { text += ",CODECS=\"\(codecs.joined(separator: ","))\"" }
            if rendition.width > 0, rendition.height > 0 {
                text += ",RESOLUTION=\(rendition.width)x\(rendition.height)"
            }
            if rendition.framesPerKilosecond > 0 { text += ",FRAME-RATE=\(rendition.frameRate)" }
            if sound != nil { text += ",AUDIO=\"sound\"" }
            text += "\n\(Self.uri(of: number))\n"
        }
        return text
    }
}
