import CLibAVFormat

/// Why an input cannot be broadcast, each in one sentence.
package enum MediaError: Error, Hashable, Sendable, CustomStringConvertible {
    case cannotOpen(String, reason: String)
    case noMedia(String)
    case noPictures(String)
    case unsupportedVideo(String, codec: String)
    case cannotRead(String, reason: String)
    case cannotCut(reason: String)
    /// Keyframes are so far apart that a segment would exceed what anybody accepts.
    case segmentTooLarge(String, seconds: Int, bytes: Int)
    /// An encoder has left.
    case gone(String, reason: String)
    /// What comes now is not what it was opened as.
    case changed(String, String)
    case noKeyframe(String, seconds: Int)
    case stopped

    package var description: String {
        switch self {
        case .cannotOpen(let input, let reason): "cannot open \(input): \(reason)"
        case .noMedia(let input): "\(input) has no video, and no sound that HLS can carry"
        case .noPictures(let input): "\(input) has no video, and is to be a rendition of one"
        case .unsupportedVideo(let input, let codec):
            "\(input) holds \(codec) video, which HLS cannot carry: convert it to H.264 or H.265 first"
        case .cannotRead(let input, let reason): "cannot read \(input): \(reason)"
        case .cannotCut(let reason): "cannot cut segments: \(reason)"
        case .segmentTooLarge(let input, let seconds, let bytes):
            "\(input) had no keyframe for \(seconds) s and \(bytes >> 20) MiB: set the encoder's keyframe interval to 2 s"
        case .gone(let encoder, let reason): "\(encoder) has left: \(reason)"
        case .changed(let input, let what): "\(input) has changed its \(what)"
        case .noKeyframe(let input, let seconds):
            "\(input) has sent no keyframe for \(seconds) s: set the encoder's keyframe interval to 2 s"
        case .stopped: "stopped"
        }
    }
}

/// What libav says about one of its error codes.
func reason(_ code: Int32) -> String {
    var text = [CChar](repeating: 0, count: 128)
    guard av_strerror(code, &text, text.count) == 0 else { return "error \(code)" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
