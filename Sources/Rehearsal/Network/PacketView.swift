/// An IPv4 packet as far as it matters from outside.
struct PacketView {
    private let bytes: UnsafeRawPointer
    let length: Int

    init(_ bytes: UnsafeRawPointer, _ length: Int) {
        self.bytes = bytes
        self.length = length
    }

    var isIPv4: Bool { length >= 20 && bytes.load(as: UInt8.self) >> 4 == 4 }

    /// In host byte order.
    var destination: UInt32 { UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)) }

    private var transport: Int { Int(bytes.load(as: UInt8.self) & 15) * 4 }
    private var kind: UInt8 { bytes.load(fromByteOffset: 9, as: UInt8.self) }

    /// Where the payload of TCP or UDP begins; the packet's end when it holds none.
    private var start: Int {
        switch kind {
        case 6 where length >= transport + 20:
            min(length, transport + Int(bytes.load(fromByteOffset: transport + 12, as: UInt8.self) >> 4) * 4)
        case 17: min(length, transport + 8)
        default: length
        }
    }

    var payload: Int { length - start }

    var isRequest: Bool {
        let start = start
        guard kind == 6, length - start >= 4 else { return false }
        return (bytes + start).loadUnaligned(as: UInt32.self).bigEndian == 0x4745_5420  // "GET "
    }
}
