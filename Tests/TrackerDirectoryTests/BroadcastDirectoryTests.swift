import Foundation
import Integrity
import Testing
import Vocabulary
import Wire

@testable import TrackerDirectory

/// An origin that signs what it is told to.
struct Broadcaster {
    let key = SigningKey()
    var listing: Listing

    init(_ title: String, status: Listing.Status = .streaming, at time: Int64 = 1_000_000_000) {
        listing = Listing(
            broadcast: key.broadcast, time: time, title: title, status: status, targetDuration: 2,
            hls: "http://127.0.0.1:1/x.m3u8", started: time, newest: 1)
    }

    var sealed: [UInt8] { Envelope.seal(listing.bencoded, as: .listing, with: key) }

    @discardableResult
    func register(
        at directory: BroadcastDirectory, from address: [UInt8]? = [127, 0, 0, 1], at now: Int64? = nil
    ) throws -> Change? {
        try directory.register(listing, sealed: sealed, from: address, at: now ?? listing.time)
    }
}

@Suite struct `A directory` {
    private static let start: Int64 = 1_000_000_000

    private func directory(_ settings: BroadcastDirectory.Settings = .init()) throws -> BroadcastDirectory {
        try BroadcastDirectory(nil, settings: settings, at: Self.start)
    }

    private func titles(_ directory: BroadcastDirectory, _ change: (inout Question) -> Void = { _ in }) throws
        -> [String]
    {
        var question = Question()
        change(&question)
        return try directory.find(question).entries.map(\.listing.title)
    }

    @Test func `finds words of title, description and tags, in any case and order, Korean ones too`() throws {
        let directory = try directory()
        var seoul = Broadcaster("서울 지하철 생방송")
        seoul.listing.details.description = "강남역에서 Live at NIGHT"
        seoul.listing.details.tags = ["교통", "city"]
        try seoul.register(at: directory)
        try Broadcaster("Berlin \"U-Bahn\" 100%_live").register(at: directory)
        let expected: [(String, [String])] = [
            ("생방송", [seoul.listing.title]), ("방송", [seoul.listing.title]), ("역", [seoul.listing.title]),
            ("지하철 서울", [seoul.listing.title]), ("교통", [seoul.listing.title]), ("night CITY", [seoul.listing.title]),
            ("live", [seoul.listing.title, "Berlin \"U-Bahn\" 100%_live"]),
            ("\"u-bahn\"", ["Berlin \"U-Bahn\" 100%_live"]),
            ("%", ["Berlin \"U-Bahn\" 100%_live"]), ("%_l", ["Berlin \"U-Bahn\" 100%_live"]), ("AND", []), ("*", []),
            ("부산", []), ("nightcity", []), ("", [seoul.listing.title, "Berlin \"U-Bahn\" 100%_live"]),
            ("지하철\0서울", [seoul.listing.title]), ("\0\0\0", [seoul.listing.title, "Berlin \"U-Bahn\" 100%_live"]),
            // The same word as macOS writes it, in parts.
            ("\u{1109}\u{1162}\u{11BC}\u{1107}\u{1161}\u{11BC}\u{1109}\u{1169}\u{11BC}", [seoul.listing.title]),
        ]
        for (query, titles) in expected {
            #expect(Set(try self.titles(directory) { $0.query = query }) == Set(titles), "\(query)")
        }
        seoul.listing.title = "부산"
        seoul.listing.time += 1
        try seoul.register(at: directory)
        #expect(try titles(directory) { $0.query = "서울" } == [])
        #expect(try titles(directory) { $0.query = "부산" } == ["부산"])
    }

    @Test func `sorts by viewers, beginning and title, and gives pages that neither repeat nor skip`() throws {
        let directory = try directory()
        var broadcasts: [Broadcaster] = []
        for number in 0..<25 {
            var one = Broadcaster("Title \(number % 7)", at: Self.start + Int64(number % 5))
            one.listing.status = number % 4 == 0 ? .ready : .streaming
            broadcasts.append(one)
            try one.register(at: directory)
        }
        var viewers: [BroadcastID: Int] = [:]
        for (number, one) in broadcasts.enumerated() where number % 2 == 0 { viewers[one.key.broadcast] = number % 6 }
        try directory.setViewers(viewers)
        for order in Question.Order.allCases {
            for size in [1, 3, 25, 100] {
                var question = Question()
                question.order = order
                question.limit = size
                var found: [Entry] = []
                for _ in 0..<30 {
                    let page = try directory.find(question)
                    #expect(page.entries.count <= size)
                    found += page.entries
                    guard let next = page.next else { break }
                    question.after = Cursor(next.text)
                    #expect(question.after == next)
                }
                #expect(Set(found.map(\.listing.broadcast)).count == 25 && found.count == 25)
                let isSorted = zip(found, found.dropFirst()).allSatisfy { a, b in
                    switch order {
                    case .viewers: a.viewers >= b.viewers
                    case .started: a.listing.started >= b.listing.started
                    case .title: a.listing.title <= b.listing.title
                    }
                }
                #expect(isSorted, "\(order)")
            }
        }
        #expect(try titles(directory) { $0.status = .ready }.count == 7)
    }

    @Test func `refuses what it has seen, what is older, and what a strange clock has signed`() throws {
        let directory = try directory()
        var one = Broadcaster("One")
        try one.register(at: directory)
        #expect(throws: BroadcastDirectory.Refusal.listingIsOld) { try one.register(at: directory) }
        one.listing.time -= 1
        #expect(throws: BroadcastDirectory.Refusal.listingIsOld) { try one.register(at: directory) }
        one.listing.time += 10_000_000
        #expect(throws: BroadcastDirectory.Refusal.clockIsWrong) { try one.register(at: directory, at: Self.start) }
        #expect(throws: BroadcastDirectory.Refusal.clockIsWrong) {
            try one.register(at: directory, at: one.listing.time + 3_600_001)
        }
        #expect(try titles(directory) == ["One"])
    }

    @Test func `tells what changes for viewers and keeps still about the rest`() throws {
        let directory = try directory()
        var one = Broadcaster("One", status: .ready)
        func next(_ change: (inout Listing) -> Void = { _ in }) throws -> Change.Kind? {
            one.listing.time += 20_000
            change(&one.listing)
            return try one.register(at: directory)?.kind
        }
        #expect(try next() == .listed)
        #expect(try next() == nil)
        #expect(try next { $0.newest = 9 } == nil)
        #expect(try next { $0.status = .streaming } == .changed)
        #expect(try next { $0.title = "Uno" } == .changed)
        #expect(try next { $0.status = .closed } == .closed)
        let ended = try #require(try directory.entry(one.key.broadcast)?.ended)
        #expect(ended == one.listing.time)
        #expect(try next() == nil)
        #expect(try directory.entry(one.key.broadcast)?.ended == ended)
        #expect(try next { $0.status = .streaming } == .changed)
        #expect(try directory.entry(one.key.broadcast)?.ended == nil)
        #expect(try directory.changes(after: 0, limit: 9).map(\.number) == [5])
        #expect(directory.lastChange == 5)
    }

    @Test func `lists no open broadcast that is silent, and every closed one for as long as it is told`() throws {
        let directory = try directory()
        var open = Broadcaster("Open")
        let closed = Broadcaster("Closed", status: .closed)
        try open.register(at: directory)
        try closed.register(at: directory)
        #expect(try directory.sweep(at: Self.start + 75_000).changes.isEmpty)
        let gone = try directory.sweep(at: Self.start + 75_001).changes
        #expect(gone.map(\.kind) == [.gone] && gone.first?.entry.listing.title == "Open")
        #expect(try titles(directory) == ["Closed"])
        #expect(try directory.entry(open.key.broadcast) == nil)
        #expect(try directory.changes(after: 2, limit: 9).map(\.kind) == [.gone])
        // It could still be replayed.
        #expect(throws: BroadcastDirectory.Refusal.listingIsOld) {
            try open.register(at: directory, at: Self.start + 76_000)
        }
        open.listing.time += 80_000
        #expect(try open.register(at: directory)?.kind == .listed)
        #expect(try Set(titles(directory)) == ["Open", "Closed"])
        let forgotten = try directory.sweep(at: Self.start + 8 * 86_400_000).forgotten
        #expect(Set(forgotten) == [open.key.broadcast, closed.key.broadcast])
        #expect(try directory.count == 0)
    }

    @Test func `makes room for what is on by forgetting what is over, and then refuses`() throws {
        var settings = BroadcastDirectory.Settings()
        settings.broadcasts = 3
        let directory = try directory(settings)
        try Broadcaster("Over", status: .closed).register(at: directory)
        for title in ["A", "B", "C"] { try Broadcaster(title).register(at: directory) }
        #expect(try Set(titles(directory)) == ["A", "B", "C"])
        #expect(throws: BroadcastDirectory.Refusal.tooManyListings) { try Broadcaster("D").register(at: directory) }
    }

    @Test func `takes so many broadcasts of one address and no more`() throws {
        var settings = BroadcastDirectory.Settings()
        settings.broadcastsPerAddress = 2
        let directory = try directory(settings)
        for title in ["A", "B"] { try Broadcaster(title).register(at: directory) }
        #expect(throws: BroadcastDirectory.Refusal.tooManyFromAddress) { try Broadcaster("C").register(at: directory) }
        try Broadcaster("D").register(at: directory, from: [10, 0, 0, 1])
        try Broadcaster("E").register(at: directory, from: nil)
        #expect(try directory.count == 4)
    }

    @Test func `is the same after it was closed and opened, and lets nobody else open it meanwhile`() throws {
        let folder = NSTemporaryDirectory() + "/tributary-directory-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/directory.sqlite"
        var first: BroadcastDirectory? = try BroadcastDirectory(path, at: Self.start)
        let one = Broadcaster("하나")
        try one.register(at: try #require(first))
        #expect(throws: DirectoryFailure.self) { try BroadcastDirectory(path, at: Self.start) }
        first = nil
        let second = try BroadcastDirectory(path, at: Self.start + 1_000_000)
        #expect(try titles(second) { $0.query = "하나" } == ["하나"])
        #expect(second.lastChange == 1)
        #expect(throws: BroadcastDirectory.Refusal.listingIsOld) { try one.register(at: second) }
        #expect(try second.sweep(at: Self.start + 1_070_000).changes.isEmpty, "it could not be heard meanwhile")
        #expect(try second.sweep(at: Self.start + 1_080_000).changes.count == 1)
    }

    @Test func `says that a file is none of its own`() throws {
        let path = NSTemporaryDirectory() + "/tributary-strange-\(UUID().uuidString)"
        try Data(repeating: 7, count: 8_192).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: DirectoryFailure(reason: "file is not a database")) {
            try BroadcastDirectory(path, at: Self.start)
        }
    }

    @Test(arguments: [
        "", "zz", "6c", "6c65", Hexadecimal.encode("l7:viewersi1e0:e".utf8),
        Hexadecimal.encode("l7:strangei1e0:i1ee".utf8), Hexadecimal.encode("li1e7:viewers0:i1ee".utf8),
        Hexadecimal.encode("l7:viewersi1e1:\u{0}i1ee".utf8) + "00", String(repeating: "6c", count: 2_000),
    ])
    func `reads no cursor but its own`(text: String) {
        #expect(Cursor(text) == nil)
    }
}
