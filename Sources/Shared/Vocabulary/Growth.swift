extension Array {
    /// Makes room for the next element in steps of `step`: arrays of which every viewer has some hundreds would, doubled
    /// whenever they are full, stand half empty.
    @inlinable
    package mutating func makeRoom(by step: Int) {
        if count == capacity { reserveCapacity(count + step) }
    }
}
