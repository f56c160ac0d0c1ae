import Vocabulary

extension Array {
    /// Appends to what may become gigabytes: doubled whenever it is full, it would stand half empty.
    mutating func appendSparingly(_ element: consuming Element) {
        makeRoom(by: 1_024 + count / 8)
        append(element)
    }
}

/// Things that come and go, each named by its place for as long as it is there.
struct Slab<Element> {
    private var elements: [Element] = []
    private var free: [Int32] = []

    mutating func insert(_ element: consuming Element) -> Int {
        guard let place = free.popLast() else {
            elements.appendSparingly(element)
            return elements.count - 1
        }
        elements[Int(place)] = element
        return Int(place)
    }

    /// Lets go of the place; what was there stays readable until it is taken again.
    mutating func remove(_ place: Int) -> Element {
        free.append(Int32(place))
        return elements[place]
    }

    /// The same, but with `rest` in its place, so that what is taken belongs to the caller alone.
    mutating func take(_ place: Int, leaving rest: consuming Element) -> Element {
        swap(&rest, &elements[place])
        free.append(Int32(place))
        return rest
    }

    var places: Range<Int> { elements.indices }

    subscript(_ place: Int) -> Element {
        get { elements[place] }
        _modify { yield &elements[place] }
    }
}
