import CLibAVFormat

/// What a player wants to know before it loads anything.
package struct MediaDescription: Hashable, Sendable {
    /// As RFC 6381 writes them, such as `avc1.64001f`.
    package var codecs: [String]
    package var width: Int
    package var height: Int
    /// Frames per thousand seconds; 0 when unknown.
    package var framesPerKilosecond: Int
    /// The container's own claim in bits per second; 0 when it makes none.
    package var bitRate: Int
    /// Bits per second that no segment will exceed, if the container knows all its packets; 0 otherwise.
    package var peakBitRate: Int
    /// Channels of the sound; 0 without.
    package var channels: Int

    package init(
        codecs: [String], width: Int, height: Int, framesPerKilosecond: Int, bitRate: Int = 0, peakBitRate: Int = 0,
        channels: Int = 0
    ) {
        self.codecs = codecs
        self.width = width
        self.height = height
        self.framesPerKilosecond = framesPerKilosecond
        self.bitRate = bitRate
        self.peakBitRate = peakBitRate
        self.channels = channels
    }
}

extension MediaDescription {
    /// - Parameters:
    ///   - frameRate: frames per thousand seconds; 0 when unknown.
    init(
        _ tracks: [Track], frameRate: Int, bitRate: Int64, peakBitRate: Int64
    ) {
        let video = tracks.first(where: \.isVideo)?.parameters.pointee
        let audio = tracks.first { !$0.isVideo }?.parameters.pointee
        self.init(
            codecs: [video.flatMap(Self.video), audio.map(Self.audio)].compactMap { $0 }, width: Int(video?.width ?? 0),
            height: Int(video?.height ?? 0), framesPerKilosecond: video == nil ? 0 : frameRate, bitRate: Int(bitRate),
            peakBitRate: Int(peakBitRate), channels: Int(audio?.ch_layout.nb_channels ?? 0))
    }

    /// Takes over what the tracks are now, and leaves what was said of bits; a frame rate of 0 is unknown.
    mutating func adopt(_ tracks: [Track], _ frameRate: Int) {
        let fresh = MediaDescription(
            tracks, frameRate: frameRate > 0 ? frameRate : framesPerKilosecond, bitRate: Int64(bitRate),
            peakBitRate: Int64(peakBitRate))
        if fresh.codecs.count == codecs.count { self = fresh }
    }

    /// From the sequence parameter set: what an encoder was told is not always what it made.
    private static func video(_ parameters: AVCodecParameters) -> String? {
        let bytes = Array(UnsafeBufferPointer(start: parameters.extradata, count: Int(parameters.extradata_size)))
        if parameters.codec_id == AV_CODEC_ID_HEVC {
            // hvcC tells both (ISO 14496-15, 8.3.3.1); nobody may have looked into the pictures.
            let isRecord = bytes.count > 12 && bytes[0] == 1
            let profile = max(1, isRecord ? Int32(bytes[1] & 0x1f) : parameters.profile)
            let level = max(30, isRecord ? Int32(bytes[12]) : parameters.level)
            return "hvc1.\(profile).\(profile == 2 ? 4 : 6).L\(level).B0"
        }
        guard bytes.count >= 7 else { return nil }
        // avcC repeats the three bytes of the set; Annex B has the set itself, after a start code and a type byte.
        var profile = 1
        if bytes[0] != 1 {
            guard
                let code = (0..<bytes.count - 6).first(where: {
                    bytes[$0] == 0 && bytes[$0 + 1] == 0 && bytes[$0 + 2] == 1 && bytes[$0 + 3] & 0x1f == 7
                })
            else { return nil }
            profile = code + 4
        }
        let hex = bytes[profile..<profile + 3].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return "avc1." + hex.joined()
    }

    private static func audio(_ parameters: AVCodecParameters) -> String {
        switch parameters.codec_id {
        case AV_CODEC_ID_MP3: "mp4a.40.34"
        case AV_CODEC_ID_AC3: "ac-3"
        case AV_CODEC_ID_EAC3: "ec-3"
        default: "mp4a.40.\(parameters.profile >= 0 ? parameters.profile + 1 : 2)"
        }
    }
}
