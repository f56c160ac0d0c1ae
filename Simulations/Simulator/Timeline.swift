import Vocabulary

/// Events in the order of their time; those at the same instant in the order in which they were planned.
struct Timeline<Event> {
    private struct Entry {
        let time: Instant
        let order: UInt64
        let event: Event

        func precedes(_ other: Entry) -> Bool { time == other.time ? order < other.order : time < other.time }
    }

    /// A binary heap, earliest first.
    private var heap: [Entry] = []
    private var planned: UInt64 = 0

    var nextTime: Instant? { heap.first?.time }

    mutating func plan(_ event: Event, at time: Instant) {
        heap.append(Entry(time: time, order: planned, event: event))
        planned += 1
        var child = heap.count - 1
        while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func next() -> (time: Instant, event: Event)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return (first.time, first.event) }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].precedes(heap[least])
            {
                least = child
            }
            guard least != parent else { return (first.time, first.event) }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
