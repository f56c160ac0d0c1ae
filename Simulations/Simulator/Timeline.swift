import Vocabulary

/// Events in the order of their time; those at the same instant in the order in which they were planned.
///
/// A calendar (Brown 1988): what comes soon lies in days, unsorted, and a day is sorted when it begins. What comes after
/// the last day waits in a heap. Both hold places in a slab, so that an event is written once and read once.
struct Timeline<Event> {
    private struct Key {
        let time: Int64
        /// The order of planning in the upper 34 bits, where it begins again after 17 thousand million, and the place in
        /// the slab in the lower 30.
        let order: UInt64

        var slot: Int { Int(order & Timeline.slotMask) }

        func precedes(_ other: Key) -> Bool {
            // Of two that wait at once fewer than half of all orders lie between.
            time == other.time ? Int64(bitPattern: order &- other.order) < 0 : time < other.time
        }
    }

    private struct Node {
        var event: Event
        var key: Key
        /// Of the same day.
        var next: Int32
    }

    private static var slotBits: UInt64 { 30 }
    private static var slotMask: UInt64 { 1 << slotBits - 1 }
    private static var none: Int32 { -1 }
    /// Binary digits of the number of days.
    private static var dayBits: Int64 { 18 }
    private static var days: Int64 { 1 << dayBits }

    private var slab: [Node] = []
    private var free: [Int32] = []
    private var planned: UInt64
    /// Binary digits of a day's length in nanoseconds.
    private let lengthBits: Int64
    /// Days since zero.
    private var day: Int64 = -1
    /// What is left of the day, the last one first.
    private var today: [Key] = []
    /// The first event of each of the next days, by the day modulo `days`, and a bit for each that has one.
    private var heads: [Int32]
    private var isBusy: [UInt64]
    private var inDays = 0
    /// What comes after them: a heap with four children to a parent.
    private var later: [Key] = []

    private(set) var count = 0

    /// - Parameter crowd: about how many hosts there are; more of them make shorter days.
    /// - Parameter planned: how many events have been planned before.
    init(crowd: Int = 1_000, planned: UInt64 = 0) {
        self.planned = planned
        let digits = Int64(Int.bitWidth - max(1, crowd / 1_000).leadingZeroBitCount)
        lengthBits = max(8, 14 - digits)
        heads = Array(repeating: Self.none, count: Int(Self.days))
        isBusy = Array(repeating: 0, count: Int(Self.days >> 6))
    }

    mutating func plan(_ event: Event, at time: Instant) {
        let slot: Int
        if let reused = free.popLast() {
            slot = Int(reused)
        } else {
            slot = slab.count
            precondition(slot <= Self.slotMask, "at most 1,073 million events, 51 GB, wait at once")
        }
        let key = Key(time: time.nanoseconds, order: planned << Self.slotBits | UInt64(slot))
        let node = Node(event: event, key: key, next: Self.none)
        if slot == slab.count { slab.appendSparingly(node) } else { slab[slot] = node }
        planned &+= 1
        count += 1
        file(key)
    }

    /// Takes the next event, unless it comes after `end`.
    mutating func next(until end: Instant = .distantFuture) -> (time: Instant, event: Event)? {
        guard count > 0 else { return nil }
        while today.isEmpty { beginDay() }
        guard let key = today.last, key.time <= end.nanoseconds else { return nil }
        today.removeLast()
        count -= 1
        free.append(Int32(key.slot))
        return (Instant(nanoseconds: key.time), slab[key.slot].event)
    }

    private mutating func file(_ key: Key) {
        let date = key.time >> lengthBits
        if date <= day {
            insertToday(key)
        } else if date - day < Self.days {
            let place = Int(date & (Self.days - 1))
            slab[key.slot].next = heads[place]
            heads[place] = Int32(key.slot)
            isBusy[place >> 6] |= 1 << UInt64(place & 63)
            inDays += 1
        } else {
            push(key)
        }
    }

    private mutating func insertToday(_ key: Key) {
        var (low, high) = (0, today.count)
        while low < high {
            let middle = (low + high) / 2
            if key.precedes(today[middle]) { low = middle + 1 } else { high = middle }
        }
        today.insert(key, at: low)
    }

    /// Goes to the next day on which there is something.
    private mutating func beginDay() {
        guard inDays > 0 || !later.isEmpty else { return }
        day = inDays > 0 ? nextBusyDay : later[0].time >> lengthBits
        while let first = later.first, first.time >> lengthBits - day < Self.days {
            popLater()
            file(first)
        }
        let place = Int(day & (Self.days - 1))
        var slot = heads[place]
        heads[place] = Self.none
        isBusy[place >> 6] &= ~(1 << UInt64(place & 63))
        while slot != Self.none {
            today.append(slab[Int(slot)].key)
            slot = slab[Int(slot)].next
            inDays -= 1
        }
        today.sort { $1.precedes($0) }
    }

    private var nextBusyDay: Int64 {
        let start = Int((day + 1) & (Self.days - 1))
        var word = start >> 6
        var bits = isBusy[word] & (UInt64.max << UInt64(start & 63))
        while bits == 0 {
            word = word + 1 < isBusy.count ? word + 1 : 0
            bits = isBusy[word]
        }
        let place = Int64(word << 6 | bits.trailingZeroBitCount)
        return day + 1 + (place - Int64(start) + Self.days) & (Self.days - 1)
    }

    // MARK: The heap

    private mutating func push(_ key: Key) {
        var hole = later.count
        later.append(key)
        while hole > 0 {
            let parent = (hole - 1) / 4
            guard key.precedes(later[parent]) else { break }
            later[hole] = later[parent]
            hole = parent
        }
        later[hole] = key
    }

    private mutating func popLater() {
        guard let key = later.popLast(), !later.isEmpty else { return }
        var hole = 0
        while true {
            let child = 4 * hole + 1
            guard child < later.count else { break }
            var least = child
            for other in child + 1..<max(child + 1, min(child + 4, later.count))
            where later[other].precedes(later[least]) {
                least = other
            }
            guard later[least].precedes(key) else { break }
            later[hole] = later[least]
            hole = least
        }
        later[hole] = key
    }
}
