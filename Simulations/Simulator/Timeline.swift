import Vocabulary

/// Events in the order of their time; those at the same instant in the order in which they were planned.
///
/// A heap of 16-byte keys, four children to a parent, over a slab of events: moving a key costs the same however large
/// an event is, and four keys share a cache line.
struct Timeline<Event> {
    private struct Key {
        let time: Int64
        /// The order of planning in the upper 38 bits, the place in the slab in the lower 26.
        let order: UInt64

        var slot: Int { Int(order & Timeline.slotMask) }

        func precedes(_ other: Key) -> Bool { time == other.time ? order < other.order : time < other.time }
    }

    private static var slotBits: UInt64 { 26 }
    private static var slotMask: UInt64 { 1 << slotBits - 1 }

    private var heap: [Key] = []
    private var slab: [Event] = []
    private var free: [Int32] = []
    private var planned: UInt64 = 0

    var nextTime: Instant? { heap.first.map { Instant(nanoseconds: $0.time) } }
    var count: Int { heap.count }

    mutating func plan(_ event: Event, at time: Instant) {
        let slot: Int
        if let reused = free.popLast() {
            slot = Int(reused)
            slab[slot] = event
        } else {
            slot = slab.count
            precondition(slot <= Self.slotMask, "at most 67 million events are planned at once")
            slab.append(event)
        }
        let key = Key(time: time.nanoseconds, order: planned << Self.slotBits | UInt64(slot))
        planned += 1
        var hole = heap.count
        heap.append(key)
        while hole > 0 {
            let parent = (hole - 1) / 4
            guard key.precedes(heap[parent]) else { break }
            heap[hole] = heap[parent]
            hole = parent
        }
        heap[hole] = key
    }

    mutating func next() -> (time: Instant, event: Event)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty { sink(last) }
        free.append(Int32(first.slot))
        return (Instant(nanoseconds: first.time), slab[first.slot])
    }

    /// Puts `key` where the first one was.
    private mutating func sink(_ key: Key) {
        let count = heap.count
        heap.withUnsafeMutableBufferPointer { heap in
            var hole = 0
            while true {
                let child = 4 * hole + 1
                guard child < count else { break }
                var least = child
                for other in child + 1..<max(child + 1, min(child + 4, count))
                where heap[other].precedes(heap[least]) {
                    least = other
                }
                guard heap[least].precedes(key) else { break }
                heap[hole] = heap[least]
                hole = least
            }
            heap[hole] = key
        }
    }
}
