import CNamespaces

/// Memory for packets under way: it grows by whole blocks and never moves, so that a packet is read and written in
/// the same place.
struct PacketPool {
    struct Label {
        var source = 0
        var target = 0
        /// Bytes in the slot, the TUN header included.
        var length = 0
        var isPastMiddle = false
    }

    static let capacity = Emulator.packetLength + Int(TUNNEL_HEADER)
    private static let stride = 1_536
    private static let block = 1_024

    private var blocks: [UnsafeMutableRawPointer] = []
    private var labels: [Label] = []
    private var free: [Int] = []

    subscript(slot: Int) -> Label {
        get { labels[slot] }
        set { labels[slot] = newValue }
    }

    func bytes(of slot: Int) -> UnsafeMutableRawPointer {
        blocks[slot / Self.block] + slot % Self.block * Self.stride
    }

    mutating func reserve() -> Int {
        if free.isEmpty {
            blocks.append(.allocate(byteCount: Self.block * Self.stride, alignment: 64))
            free = (labels.count..<labels.count + Self.block).reversed()
            labels += [Label](repeating: Label(), count: Self.block)
        }
        return free.removeLast()
    }

    mutating func release(_ slot: Int) { free.append(slot) }

    mutating func deallocate() {
        for block in blocks { block.deallocate() }
        blocks = []
    }
}
