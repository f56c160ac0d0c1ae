import Vocabulary

/// What is due when: a binary heap that gives the earliest first and, at one instant, in the order of its coming.
struct Agenda {
    struct Entry {
        var due: Instant
        var order: UInt64
        var slot: Int
    }

    private var entries: [Entry] = []
    private var count: UInt64 = 0

    var next: Instant? { entries.first?.due }

    mutating func add(_ slot: Int, at due: Instant) {
        entries.append(Entry(due: due, order: count, slot: slot))
        count += 1
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.isEarlier(entries[child], entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// The earliest entry, if it is due.
    mutating func take(until now: Instant) -> Entry? {
        guard let first = entries.first, first.due <= now else { return nil }
        let last = entries.removeLast()
        guard !entries.isEmpty else { return first }
        entries[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < entries.count else { return first }
            if child + 1 < entries.count, Self.isEarlier(entries[child + 1], entries[child]) { child += 1 }
            guard Self.isEarlier(entries[child], entries[parent]) else { return first }
            entries.swapAt(child, parent)
            parent = child
        }
    }

    private static func isEarlier(_ a: Entry, _ b: Entry) -> Bool { a.due == b.due ? a.order < b.order : a.due < b.due }
}
