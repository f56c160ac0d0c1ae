/// What is to happen, earliest first; a binary heap of times and numbers.
struct Agenda {
    private var times: [Double] = []
    private var numbers: [Int32] = []

    var isEmpty: Bool { times.isEmpty }
    var count: Int { times.count }
    /// Infinite when there is nothing to come.
    var nextTime: Double { times.first ?? .infinity }

    mutating func plan(_ number: Int, at time: Double) {
        times.append(time)
        numbers.append(Int32(truncatingIfNeeded: number))
        var child = times.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard times[child] < times[parent] else { break }
            times.swapAt(child, parent)
            numbers.swapAt(child, parent)
            child = parent
        }
    }

    mutating func next() -> (time: Double, number: Int)? {
        guard let time = times.first, let lastTime = times.popLast(), let number = numbers.first,
            let lastNumber = numbers.popLast()
        else { return nil }
        guard !times.isEmpty else { return (time, Int(number)) }
        var hole = 0
        while true {
            var child = 2 * hole + 1
            guard child < times.count else { break }
            if child + 1 < times.count, times[child + 1] < times[child] { child += 1 }
            guard times[child] < lastTime else { break }
            times[hole] = times[child]
            numbers[hole] = numbers[child]
            hole = child
        }
        times[hole] = lastTime
        numbers[hole] = lastNumber
        return (time, Int(number))
    }
}
