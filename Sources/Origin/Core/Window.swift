package import Vocabulary

/// Which segments of a rendition are listed, and which left the list but are still served.
package struct Window: Sendable {
    /// Segments in the playlist, unless they are too short.
    private let listedLimit: Int
    /// Bytes of listed and served segments together.
    private let byteLimit: Int
    package private(set) var listed: [Record] = []
    /// Segments that players with an older playlist may still ask for, oldest first.
    package private(set) var retired: [Record] = []
    /// How many discontinuities have left the list.
    package private(set) var discontinuitySequence: UInt64
    private var bytes = 0
    /// Of what is listed, in microseconds.
    private var duration: Int64 = 0

    package init(listedLimit: Int = 15, byteLimit: Int = 1 << 30, discontinuitySequence: UInt64 = 0) {
        self.listedLimit = max(6, listedLimit)
        self.byteLimit = byteLimit
        self.discontinuitySequence = discontinuitySequence
    }

    /// Lists a new segment; returns those that are served no longer.
    ///
    /// The list never plays for less than three target durations once segments leave it. One that does stays for as long
    /// as the list is, and its own duration more (RFC 8216, section 6.2.2), unless the bytes run out.
    package mutating func append(_ record: Record, targetDuration: Int) -> [Record] {
        listed.append(record)
        bytes += record.length
        duration += record.duration
        while listed.count > listedLimit, let oldest = listed.first,
            duration - oldest.duration >= 3_000_000 * Int64(targetDuration)
        {
            retire()
        }
        return evict()
    }

    /// A new programme begins: nothing of the old one is listed.
    package mutating func clear() -> [Record] {
        while !listed.isEmpty { retire() }
        return evict()
    }

    private mutating func retire() {
        let oldest = listed.removeFirst()
        duration -= oldest.duration
        if oldest.isDiscontinuity { discontinuitySequence += 1 }
        retired.append(oldest)
    }

    private mutating func evict() -> [Record] {
        var evicted: [Record] = []
        while let oldest = retired.first, retired.count > max(listedLimit, listed.count) + 1 || bytes > byteLimit {
            bytes -= oldest.length
            retired.removeFirst()
            evicted.append(oldest)
        }
        return evicted
    }
}
