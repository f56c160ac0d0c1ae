/// A segment of MPEG-TS as a decoder reads it.
struct TransportStream {
    private static let packetLength = 188

    private(set) var isAligned = false
    /// The packet identifiers, packet by packet.
    private(set) var identifiers: [Int] = []
    /// Continuity counters of packets with payload, by identifier.
    private(set) var counters: [Int: [Int]] = [:]
    /// NAL unit types of the first picture.
    private(set) var units: [Int] = []
    /// The first picture's presentation time, in 1/90000 s.
    private(set) var firstTime: Int64 = 0

    static let video = 0x100

    init(_ bytes: [UInt8]) {
        isAligned = !bytes.isEmpty && bytes.count % Self.packetLength == 0
        guard isAligned else { return }
        var picture: [UInt8] = []
        var pictures = 0
        for start in stride(from: 0, to: bytes.count, by: Self.packetLength) {
            guard bytes[start] == 0x47 else {
                isAligned = false
                return
            }
            let identifier = Int(bytes[start + 1] & 0x1f) << 8 | Int(bytes[start + 2])
            identifiers.append(identifier)
            guard bytes[start + 3] & 0x10 != 0 else { continue }
            counters[identifier, default: []].append(Int(bytes[start + 3] & 0x0f))
            guard identifier == Self.video else { continue }
            let adaptation = bytes[start + 3] & 0x20 != 0 ? Int(bytes[start + 4]) + 1 : 0
            if bytes[start + 1] & 0x40 != 0 { pictures += 1 }
            if pictures == 1 { picture += bytes[(start + 4 + adaptation)..<(start + Self.packetLength)] }
        }
        guard picture.count > 14, picture[0] == 0, picture[1] == 0, picture[2] == 1, picture[7] & 0x80 != 0 else {
            return
        }
        let time = picture[9..<14].map { Int64($0) }
        firstTime = (time[0] >> 1 & 7) << 30 | time[1] << 22 | (time[2] >> 1) << 15 | time[3] << 7 | time[4] >> 1
        for index in 9..<picture.count - 3
        where picture[index] == 0 && picture[index + 1] == 0 && picture[index + 2] == 1 {
            units.append(Int(picture[index + 3] & 0x1f))
        }
    }
}
