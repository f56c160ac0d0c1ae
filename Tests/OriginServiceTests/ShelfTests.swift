import Foundation
import Integrity
import OriginCore
import OriginMedia
import Testing
import Vocabulary

@testable import OriginService

@Suite struct `A shelf of broadcasts` {
    private let desk: Desk
    private let shelf: Shelf

    init() throws {
        desk = try Desk()
        shelf = Shelf(desk.path + "/shelf")
    }

    @Test func `keeps each with an identity of its own`() throws {
        #expect(try shelf.names.isEmpty)
        try shelf.add("one", Programme(title: "The first"))
        try shelf.add("two", Programme(title: "Two"))
        #expect(try shelf.names == ["one", "two"])
        let ids = try shelf.names.map { try DataFolder.key(in: shelf.folder(of: $0)).broadcast }
        #expect(Set(ids).count == 2)
        try Programme.remove(in: shelf.existing("one"))
        #expect(try shelf.names == ["two"])
        // Added again it is the same broadcast.
        try shelf.add("one", Programme(title: "The first"))
        #expect(try DataFolder.key(in: shelf.folder(of: "one")).broadcast == ids[0])
    }

    @Test func `is not taken for an empty one when it cannot be read`() throws {
        let file = desk.path + "/file"
        try Data().write(to: URL(fileURLWithPath: file))
        #expect(throws: DataFolderError.self) { try Shelf(file).names }
        #expect(try Shelf(desk.path + "/missing").names.isEmpty)
    }

    @Test(arguments: ["", "-x", "Upper", "a/b", "..", "a b", String(repeating: "x", count: 65)])
    func `refuses names that could be paths or options`(name: String) {
        #expect(throws: DataFolderError.self) { try shelf.add(name, Programme(title: "x")) }
        #expect(throws: DataFolderError.self) { try shelf.existing(name) }
    }

    @Test func `reads a programme back as it was written`() throws {
        var programme = Programme(title: "A = title # with signs")
        programme.input = MediaInput("udp://127.0.0.1:5000?a=b")
        (programme.isLooping, programme.slate, programme.grace) = (true, "/a b.mp4", 1.5)
        (programme.segmentDuration, programme.secondEncoder, programme.container) = (4, .refuse, .cmaf)
        programme.renditions = [MediaInput("udp://127.0.0.1:5001"), MediaInput("udp://127.0.0.1:5002?a=b")]
        programme.ladder = try #require(LadderWish("480p,audio"))
        programme.details.description = "Two = more, and ünïcode"
        programme.details.tags = ["news, sport", "live"]
        (programme.details.language, programme.details.thumbnail) = ("ko", "https://h/a=b.png")
        try shelf.add("one", programme)
        #expect(try Programme(in: shelf.folder(of: "one")) == programme)
        try shelf.add("one", Programme(title: "x"))
        #expect(try Programme(in: shelf.folder(of: "one")) == Programme(title: "x"))
    }

    @Test(arguments: [
        "nonsense", "grace = long", "grace = -1", "segment-duration = 99", "second-encoder = both", "colour = red",
        "container = avi", "ladder = 99999p", "rendition = film.mp4", "title = " + String(repeating: "x", count: 300),
        "tag = a\ntag = a", "tag =", "language = Korean!", "thumbnail = ftp://h/a",
        "description = " + String(repeating: "x", count: 1_025),
    ])
    func `says what is wrong in a programme`(line: String) throws {
        try shelf.add("one", Programme(title: "x"))
        try "\(line)\n".write(toFile: shelf.folder(of: "one") + "/programme", atomically: true, encoding: .utf8)
        #expect(throws: DataFolderError.self) { try Programme(in: shelf.folder(of: "one")) }
    }
}

@Suite struct `A ring of stream keys` {
    private let desk: Desk
    private let folder: String

    init() throws {
        desk = try Desk()
        folder = desk.path
    }

    @Test func `holds hashes of random keys, and never a key`() throws {
        let keys = [try KeyRing.make("one", in: folder), try KeyRing.make("two", in: folder)]
        #expect(keys[0] != keys[1] && keys.allSatisfy { $0.utf8.count * 4 >= 128 })
        let text = try String(contentsOfFile: folder + "/stream-keys", encoding: .utf8)
        #expect(keys.allSatisfy { !text.contains($0) })
        #expect(try KeyRing(in: folder).entries.map(\.hash) == keys.map { StreamKey.hash($0) })
        let mode = try FileManager.default.attributesOfItem(atPath: folder + "/stream-keys")[.posixPermissions]
        #expect(mode as? Int == 0o600)
    }

    @Test func `gives a name once, until it is revoked`() throws {
        _ = try KeyRing.make("one", in: folder)
        #expect(throws: DataFolderError.self) { try KeyRing.make("one", in: folder) }
        try KeyRing.revoke("one", in: folder)
        #expect(try KeyRing(in: folder).entries.isEmpty)
        #expect(throws: DataFolderError.self) { try KeyRing.revoke("one", in: folder) }
        _ = try KeyRing.make("one", in: folder)
    }

    @Test(arguments: [
        "x", "one 1 abc", "one x \(String(repeating: "0", count: 64))", "../a 1 \(String(repeating: "0", count: 64))",
    ])
    func `refuses a file that it has not written`(line: String) throws {
        try "\(line)\n".write(toFile: folder + "/stream-keys", atomically: true, encoding: .utf8)
        #expect(throws: DataFolderError.self) { try KeyRing(in: folder) }
    }
}
