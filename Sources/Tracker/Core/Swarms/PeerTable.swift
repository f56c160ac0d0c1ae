import Vocabulary

// How the peers of one swarm lie in memory:
//
//     up to 416 peers                       more
//     base                                  base
//      |                                     |
//      v                                     v
//     +--------+------------------------+   +---+---+---+---+   directory: 1 << depth pointers to pages,
//     | header | slots: 4, 8, ... 512   |   | * | * | * | * |   found by the first bits of a peer's hash
//     +--------+------------------------+   +-|-+-|-+-|-+-|-+
//                                             v   v   +-+-+
//                                           page page  page     always 512 slots each
//
//     a slot   IPv4:  address 4, port 2, state 2 =  8 bytes     state: 1 bit seeder, 15 bits when last heard
//              IPv6: address 16, port 2, state 2 = 20 bytes     all zero: empty (nobody listens on port 0)
//
// Within a page a peer lies at the slot that the last bits of its hash name, or in the first free one behind it (linear
// probing, at most 13/16 full). So finding a peer costs one look into the directory and one into a page. A full page is
// cut in two by the next bit of the hash, and of two halves that have become nearly empty one is made: extendible hashing
// (Fagin, Nievergelt, Pippenger, Strong 1979). No announce moves more than a page; only the directory is now and then
// copied to twice its size, which is 8 bytes for every 416 peers.
//
// Slots are in the order of a secret hash, so any run of neighboring slots is a random sample of the swarm.

/// One peer of a BitTorrent swarm as it lies in memory.
protocol SwarmPeer: BitwiseCopyable, Sendable {
    /// Bytes in a compact list (BEP 23, BEP 7).
    static var compactLength: Int { get }
    static var empty: Self { get }

    init(_ ip: IPAddress, port: UInt16, state: PeerState)

    var isEmpty: Bool { get }
    var state: PeerState { get set }
    /// Address and port, mixed with the secret.
    func hash(_ secret: SwarmSecret) -> UInt64
    func isSame(as other: Self) -> Bool
    /// 1 for somebody else, 0 for an empty slot and for `own`; without a branch, because it would be mispredicted.
    func isOther(than own: Self) -> Int
    /// Writes `compactLength` bytes, and may write up to 8 where it needs fewer.
    func write(to bytes: UnsafeMutableRawPointer)
}

struct PeerState: BitwiseCopyable, Sendable {
    var bits: UInt16

    init(isSeeder: Bool, heard: UInt16) { bits = (isSeeder ? 0x8000 : 0) | heard & 0x7fff }

    var isSeeder: Bool { bits & 0x8000 != 0 }

    /// Ticks since the peer was last heard; the clock of 15 bits wraps after three days.
    func silence(at now: UInt16) -> UInt16 { (now &- bits) & 0x7fff }
}

/// Keys the hashes, so that nobody can choose addresses that meet in one page.
package struct SwarmSecret: BitwiseCopyable, Sendable {
    private let a: UInt64
    private let b: UInt64

    package init(_ a: UInt64, _ b: UInt64) {
        self.a = a
        self.b = b | 1
    }

    func mix(_ x: UInt64, _ y: UInt64 = 0) -> UInt64 {
        let product = (x ^ a).multipliedFullWidth(by: y ^ b)
        let again = (product.high ^ product.low ^ b).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return again.high ^ again.low
    }
}

struct PeerV4: SwarmPeer {
    /// In memory: address and port in network order, then the state.
    private var bits: UInt64

    private static let name: UInt64 = 0xffff_ffff_ffff

    static let compactLength = 6
    static var empty: PeerV4 { PeerV4(bits: 0) }

    private init(bits: UInt64) { self.bits = bits }

    init(_ ip: IPAddress, port: UInt16, state: PeerState) {
        let address = UInt32(truncatingIfNeeded: ip.low)
        bits =
            UInt64(UInt32(bigEndian: address)) | UInt64(UInt16(bigEndian: port)) << 32 | UInt64(state.bits) << 48
    }

    var isEmpty: Bool { bits == 0 }

    var state: PeerState {
        get { PeerState(isSeeder: bits >> 63 != 0, heard: UInt16(truncatingIfNeeded: bits >> 48)) }
        set { bits = bits & Self.name | UInt64(newValue.bits) << 48 }
    }

    func hash(_ secret: SwarmSecret) -> UInt64 { secret.mix(bits & Self.name) }
    func isSame(as other: PeerV4) -> Bool { (bits ^ other.bits) & Self.name == 0 }
    func isOther(than own: PeerV4) -> Int { bits == 0 ? 0 : (bits ^ own.bits) & Self.name == 0 ? 0 : 1 }
    func write(to bytes: UnsafeMutableRawPointer) { bytes.storeBytes(of: bits, as: UInt64.self) }
}

struct PeerV6: SwarmPeer {
    /// In memory: the address in network order, then port and state as in `PeerV4`.
    private var a: UInt32
    private var b: UInt32
    private var c: UInt32
    private var d: UInt32
    private var tail: UInt32

    static let compactLength = 18
    static var empty: PeerV6 { PeerV6(a: 0, b: 0, c: 0, d: 0, tail: 0) }

    private init(a: UInt32, b: UInt32, c: UInt32, d: UInt32, tail: UInt32) {
        self.a = a
        self.b = b
        self.c = c
        self.d = d
        self.tail = tail
    }

    init(_ ip: IPAddress, port: UInt16, state: PeerState) {
        a = UInt32(truncatingIfNeeded: ip.high >> 32).bigEndian
        b = UInt32(truncatingIfNeeded: ip.high).bigEndian
        c = UInt32(truncatingIfNeeded: ip.low >> 32).bigEndian
        d = UInt32(truncatingIfNeeded: ip.low).bigEndian
        tail = UInt32(port.bigEndian) | UInt32(state.bits) << 16
    }

    var isEmpty: Bool { tail == 0 }

    var state: PeerState {
        get { PeerState(isSeeder: tail >> 31 != 0, heard: UInt16(truncatingIfNeeded: tail >> 16)) }
        set { tail = tail & 0xffff | UInt32(newValue.bits) << 16 }
    }

    func hash(_ secret: SwarmSecret) -> UInt64 {
        secret.mix(secret.mix(UInt64(a) << 32 | UInt64(b), UInt64(tail & 0xffff)), UInt64(c) << 32 | UInt64(d))
    }

    func isSame(as other: PeerV6) -> Bool {
        (a ^ other.a) | (b ^ other.b) | (c ^ other.c) | (d ^ other.d) | ((tail ^ other.tail) & 0xffff) == 0
    }

    func isOther(than own: PeerV6) -> Int { tail == 0 ? 0 : isSame(as: own) ? 0 : 1 }

    func write(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: a, as: UInt32.self)
        bytes.storeBytes(of: b, toByteOffset: 4, as: UInt32.self)
        bytes.storeBytes(of: c, toByteOffset: 8, as: UInt32.self)
        bytes.storeBytes(of: d, toByteOffset: 12, as: UInt32.self)
        bytes.storeBytes(of: UInt16(truncatingIfNeeded: tail), toByteOffset: 16, as: UInt16.self)
    }
}

enum PeerTableChange { case none, joined, renewed(wasSeeder: Bool), full }

/// The peers of one address family in one swarm. The owner calls `free` when it lets go of it.
struct PeerTable<Peer: SwarmPeer> {
    private(set) var count: UInt32 = 0
    private(set) var seeders: UInt32 = 0
    /// The only page, or with a depth the directory.
    private var base: UnsafeMutableRawPointer?
    private var depth = 0

    /// Deep enough for more peers than there are addresses.
    private static var depthLimit: Int { 28 }

    // MARK: One peer

    /// Lists the peer, or notes what is new of it. A table that may not grow still renews.
    mutating func put(_ peer: Peer, mayGrow: Bool, _ secret: SwarmSecret) -> PeerTableChange {
        let hash = peer.hash(secret)
        if base == nil {
            guard mayGrow else { return .full }
            base = Page<Peer>(order: Page<Peer>.firstOrder, depth: 0).base
        }
        while true {
            guard let page = page(of: hash) else { return .full }
            let place = page.find(peer, hash)
            if place.isTaken {
                let wasSeeder = page.slots[place.slot].state.isSeeder
                page.slots[place.slot].state = peer.state
                seeders = seeders &+ (peer.state.isSeeder ? 1 : 0) &- (wasSeeder ? 1 : 0)
                return .renewed(wasSeeder: wasSeeder)
            }
            guard mayGrow else { return .full }
            if !page.isFull {
                page.slots[place.slot] = peer
                page.header.pointee.count += 1
                count += 1
                if peer.state.isSeeder { seeders += 1 }
                return .joined
            }
            guard grow(page, hash, secret) else { return .full }
        }
    }

    mutating func remove(_ peer: Peer, _ secret: SwarmSecret) {
        let hash = peer.hash(secret)
        guard let page = page(of: hash) else { return }
        let place = page.find(peer, hash)
        guard place.isTaken else { return }
        drop(place.slot, of: page, secret)
        shrink(page, hash, secret)
    }

    private mutating func drop(_ slot: Int, of page: Page<Peer>, _ secret: SwarmSecret) {
        if page.slots[slot].state.isSeeder { seeders -= 1 }
        page.remove(slot, secret)
        count -= 1
    }

    // MARK: Choosing

    /// Writes up to `wanted` others to `bytes`, each once, and returns how many. Half of them lie in a row from where
    /// `random` points to, half from the opposite side of the table on: that is two cold places in memory, however
    /// large the swarm is.
    func choose(_ wanted: Int, except own: Peer, random: UInt64, into list: UnsafeMutableRawBufferPointer) -> Int {
        let wanted = min(wanted, (list.count - 2) / Peer.compactLength)
        guard wanted > 0, count > 0, let bytes = list.baseAddress, let first = cursor(at: random),
            let second = cursor(at: random &+ 1 << 63)
        else { return 0 }
        var taken = 0
        let rest = take(wanted - wanted / 2, from: first, to: second, except: own, bytes, &taken)
        _ = take(wanted - taken, from: second, to: first, except: own, bytes, &taken)
        if taken < wanted, let rest {
            _ = take(wanted - taken, from: rest, to: second, except: own, bytes, &taken)
        }
        return taken
    }

    private struct Cursor {
        var page: Page<Peer>
        /// Where the page's part of the hashes begins.
        var hash: UInt64
        var slot: Int
    }

    private func cursor(at random: UInt64) -> Cursor? {
        guard let page = page(of: random) else { return nil }
        return Cursor(page: page, hash: page.start(of: random), slot: Int((random << depth) >> (64 - page.order)))
    }

    /// Returns where it stopped, if that was before `end`.
    private func take(
        _ limit: Int, from start: Cursor, to end: Cursor, except own: Peer, _ bytes: UnsafeMutableRawPointer,
        _ taken: inout Int
    ) -> Cursor? {
        let goal = taken + limit
        var cursor = start
        while taken < goal {
            let isLast = cursor.page.base == end.page.base && cursor.slot <= end.slot
            let stop = isLast ? end.slot : cursor.page.capacity
            let slots = cursor.page.slots
            var slot = cursor.slot
            while slot < stop, taken < goal {
                slots[slot].write(to: bytes + taken * Peer.compactLength)
                taken &+= slots[slot].isOther(than: own)
                slot &+= 1
            }
            cursor.slot = slot
            if slot < stop { break }
            if isLast { return nil }
            let next = cursor.page.end(of: cursor.hash)
            guard let page = page(of: next) else { return nil }
            cursor = Cursor(page: page, hash: next, slot: 0)
        }
        return cursor
    }

    // MARK: Expiry

    /// Lets go of those in the page at `hash` who have been silent for longer than `limit`; returns where the next page
    /// begins, which is 0 behind the last one.
    mutating func sweep(at hash: UInt64, now: UInt16, limit: UInt16, _ secret: SwarmSecret) -> UInt64 {
        guard let page = page(of: hash) else { return 0 }
        let next = page.end(of: hash)
        var slot = 0
        while slot < page.capacity {
            let peer = page.slots[slot]
            // What is removed may be followed by another that moves into its slot.
            if !peer.isEmpty, peer.state.silence(at: now) > limit { drop(slot, of: page, secret) } else { slot += 1 }
        }
        shrink(page, hash, secret)
        return next
    }

    // MARK: Pages

    private func page(of hash: UInt64) -> Page<Peer>? {
        guard let base else { return nil }
        guard depth > 0 else { return Page(base: base) }
        return Page(
            base: base.load(fromByteOffset: Int(hash >> (64 - UInt64(depth))) * 8, as: UnsafeMutableRawPointer.self))
    }

    private mutating func grow(_ page: Page<Peer>, _ hash: UInt64, _ secret: SwarmSecret) -> Bool {
        if page.order < Page<Peer>.lastOrder {
            base = page.moved(order: page.order + 1, secret).base
            return true
        }
        let pageDepth = page.depth
        if pageDepth == depth {
            guard depth < Self.depthLimit else { return false }
            deepen()
        }
        // Its half of the directory that had one page gets two.
        let low = Page<Peer>(order: page.order, depth: pageDepth + 1)
        let high = Page<Peer>(order: page.order, depth: pageDepth + 1)
        for slot in 0..<page.capacity where !page.slots[slot].isEmpty {
            let hash = page.slots[slot].hash(secret)
            ((hash << pageDepth) >> 63 == 0 ? low : high).add(page.slots[slot], hash)
        }
        let start = page.start(of: hash)
        point(at: low, from: start)
        point(at: high, from: start | 1 << (63 - UInt64(pageDepth)))
        page.base.deallocate()
        return true
    }

    private mutating func shrink(_ page: Page<Peer>, _ hash: UInt64, _ secret: SwarmSecret) {
        let pageDepth = page.depth
        if pageDepth > 0 {
            guard let buddy = self.page(of: hash ^ 1 << (64 - UInt64(pageDepth))), buddy.depth == pageDepth,
                page.count + buddy.count < page.capacity * 3 / 8
            else { return }
            for slot in 0..<buddy.capacity where !buddy.slots[slot].isEmpty {
                page.add(buddy.slots[slot], buddy.slots[slot].hash(secret))
            }
            page.header.pointee.depth -= 1
            buddy.base.deallocate()
            if page.depth > 0 { return point(at: page, from: page.start(of: hash)) }
            base?.deallocate()
            base = page.base
            depth = 0
        } else if count == 0 {
            free()
        } else if page.order > Page<Peer>.firstOrder, page.count < page.capacity / 4 {
            base = page.moved(order: page.order - 1, secret).base
        }
    }

    /// Lets the page's part of the directory, which begins at `hash`, point at it.
    private func point(at page: Page<Peer>, from hash: UInt64) {
        guard let base else { return }
        let first = Int(hash >> (64 - UInt64(depth)))
        for index in first..<first + 1 << (depth - page.depth) {
            base.storeBytes(of: page.base, toByteOffset: index * 8, as: UnsafeMutableRawPointer.self)
        }
    }

    private mutating func deepen() {
        guard let old = base else { return }
        let new = UnsafeMutableRawPointer.allocate(byteCount: 16 << depth, alignment: 8)
        for index in 0..<1 << depth {
            let page = depth == 0 ? old : old.load(fromByteOffset: index * 8, as: UnsafeMutableRawPointer.self)
            new.storeBytes(of: page, toByteOffset: index * 16, as: UnsafeMutableRawPointer.self)
            new.storeBytes(of: page, toByteOffset: index * 16 + 8, as: UnsafeMutableRawPointer.self)
        }
        if depth > 0 { old.deallocate() }
        base = new
        depth += 1
    }

    mutating func free() {
        guard let base else { return }
        if depth > 0 {
            var hash: UInt64 = 0
            repeat {
                guard let page = page(of: hash) else { break }
                hash = page.end(of: hash)
                page.base.deallocate()
            } while hash != 0
        }
        base.deallocate()
        self = PeerTable()
    }
}

/// A piece of a table: a header and 1 << order slots, found by linear probing.
private struct Page<Peer: SwarmPeer> {
    struct Header: BitwiseCopyable {
        var count: UInt16
        var order: UInt8
        /// How many of a hash's first bits all peers of the page share.
        var depth: UInt8
        var unused: UInt32 = 0
    }

    static var firstOrder: Int { 2 }
    static var lastOrder: Int { 9 }

    let base: UnsafeMutableRawPointer

    init(base: UnsafeMutableRawPointer) { self.base = base }

    init(order: Int, depth: Int) {
        let length = 8 + MemoryLayout<Peer>.stride << order
        base = .allocate(byteCount: length, alignment: 8)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: length)
        base.storeBytes(of: Header(count: 0, order: UInt8(order), depth: UInt8(depth)), as: Header.self)
    }

    var header: UnsafeMutablePointer<Header> { base.assumingMemoryBound(to: Header.self) }
    var slots: UnsafeMutablePointer<Peer> { (base + 8).assumingMemoryBound(to: Peer.self) }
    var count: Int { Int(header.pointee.count) }
    var order: Int { Int(header.pointee.order) }
    var depth: Int { Int(header.pointee.depth) }
    var capacity: Int { 1 << order }
    /// One slot at least stays empty, where searches end.
    var isFull: Bool { count >= capacity * 13 / 16 }

    /// The smallest hash that belongs to the page, of which `hash` is one.
    func start(of hash: UInt64) -> UInt64 { depth == 0 ? 0 : (hash >> (64 - depth)) << (64 - depth) }

    /// The smallest hash behind the page's; 0 for the last page.
    func end(of hash: UInt64) -> UInt64 { depth == 0 ? 0 : start(of: hash) &+ 1 << (64 - depth) }

    func find(_ peer: Peer, _ hash: UInt64) -> (slot: Int, isTaken: Bool) {
        let mask = capacity - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while !slots[slot].isEmpty {
            if slots[slot].isSame(as: peer) { return (slot, true) }
            slot = (slot + 1) & mask
        }
        return (slot, false)
    }

    /// For a peer that is not here, in a page that is not full.
    func add(_ peer: Peer, _ hash: UInt64) {
        slots[find(peer, hash).slot] = peer
        header.pointee.count += 1
    }

    /// Closes the gap, so that whoever had been pushed past it is found again (Knuth, volume 3, section 6.4, algorithm R).
    func remove(_ slot: Int, _ secret: SwarmSecret) {
        let mask = capacity - 1
        var hole = slot
        var next = (slot + 1) & mask
        while !slots[next].isEmpty {
            let home = Int(truncatingIfNeeded: slots[next].hash(secret)) & mask
            if (next - home) & mask >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = .empty
        header.pointee.count -= 1
    }

    /// The same peers in a page of another size; this one is gone.
    func moved(order: Int, _ secret: SwarmSecret) -> Page {
        let page = Page(order: order, depth: depth)
        for slot in 0..<capacity where !slots[slot].isEmpty { page.add(slots[slot], slots[slot].hash(secret)) }
        base.deallocate()
        return page
    }
}
