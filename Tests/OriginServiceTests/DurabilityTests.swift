import Foundation
import Glibc
import Integrity
import Testing
import Vocabulary
import Wire

@testable import OriginService

@Suite(.timeLimit(.minutes(5))) struct `An origin that starts again` {
    private let desk = try? Desk()

    @Test func `goes on with the next number, marks a discontinuity and still serves what it cut`() throws {
        let desk = try #require(desk)
        let roots = try { () throws -> [Root] in
            let publication = try desk.publication()
            publication.publish(0..<4)
            return try desk.rootsListed(by: publication)
        }()
        let publication = try desk.publication()
        #expect(roots.allSatisfy { publication.content($0)?.bytes != nil })
        #expect(try desk.rootsListed(by: publication) == roots)
        #expect(publication.promisedTarget == 2)
        publication.publish(4..<6)
        let playlist = try #require(publication.mediaPlaylist(of: 0))
        #expect(playlist.contains("#EXT-X-MEDIA-SEQUENCE:0\n"))
        let blocks = playlist.components(separatedBy: "#EXTINF").dropLast()
        #expect(blocks.map { $0.contains("#EXT-X-DISCONTINUITY\n") } == [false, false, false, false, true, false])
        let (head, newest) = try publication.newest()
        #expect(newest.segment.sequence == 5)
        #expect(head.oldest == [0])
    }

    @Test func `never gives one number to two segments, wherever it was killed`() throws {
        let desk = try #require(desk)
        var seen: [UInt64: Root] = [:]
        var random = Randomness(seed: 3)
        var lengths: [Int] = []
        for start in 0..<8 {
            let publication = try desk.publication()
            for number in 0..<2 {
                publication.publish(cutSegment(start * 10 + number, length: 1_000))
                let (_, newest) = try publication.newest()
                #expect(seen.updateValue(newest.root, forKey: newest.segment.sequence) == nil)
                lengths.append(try desk.trimmedJournal().count)
            }
            // The next record was being written when the power failed: a part of it is there, and nobody has heard of it.
            let whole = try desk.trimmedJournal()
            let torn =
                [UInt8](repeating: 0, count: 2)
                + (0..<Int.random(in: 0..<400, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
            try desk.write(whole + torn)
        }
        #expect(seen.keys.sorted() == Array(0..<16))
        let records = try desk.kept()
        #expect(Dictionary(grouping: records, by: \.segment).allSatisfy { $0.value.count == 1 })
        for (earlier, later) in zip(records, records.dropFirst()) {
            #expect(later.previous == SHA256.hash(earlier.bencoded))
        }
    }

    @Test func `cuts off a torn tail at every length`() throws {
        let desk = try #require(desk)
        let (one, two) = try { () throws -> ([UInt8], [UInt8]) in
            let publication = try desk.publication()
            publication.publish(0..<1)
            let one = try desk.trimmedJournal()
            publication.publish(1..<2)
            return (one, try desk.trimmedJournal())
        }()
        for length in stride(from: one.count, to: two.count, by: 13) {
            try desk.write(Array(two[..<length]))
            #expect(try desk.kept().count == 1, "\(length) bytes")
        }
    }

    @Test func `refuses a journal with damage before good records`() throws {
        let desk = try #require(desk)
        _ = try { () throws -> Void in try desk.publication().publish(0..<5) }()
        let whole = try desk.trimmedJournal()
        for place in [whole.count / 2, whole.count - 900] {
            var damaged = whole
            damaged[place] ^= 0x10
            try desk.write(damaged)
            #expect(throws: DataFolderError.self) { try desk.publication() }
        }
    }

    @Test func `refuses a folder of another broadcast or another kind`() throws {
        let desk = try #require(desk)
        _ = try { () throws -> Void in try desk.publication().publish(0..<2) }()
        let whole = try desk.trimmedJournal()
        for bytes in [Array("hello".utf8), Array(whole[..<30]), [UInt8](repeating: 255, count: 900)] {
            try desk.write(bytes)
            let error = #expect(throws: DataFolderError.self) { try desk.publication() }
            #expect("\(error, default: "")".contains("journal"))
        }
        try desk.write(whole)
        try FileManager.default.removeItem(atPath: desk.path + "/data/key")
        let error = #expect(throws: DataFolderError.self) { try desk.publication() }
        #expect("\(error, default: "")".contains("belongs to the broadcast"))
    }

    @Test func `lets only one origin have a folder`() throws {
        let desk = try #require(desk)
        let folder = try desk.folder()
        let error = #expect(throws: DataFolderError.self) { try desk.folder() }
        #expect("\(error, default: "")".contains("in use by another origin"))
        withExtendedLifetime(folder) {}
    }

    @Test func `has its folder at once, although a program that is being started still holds the old lock`() throws {
        let desk = try #require(desk)
        let inherited = try { () throws -> Int32 in
            let folder = try desk.folder()
            defer { withExtendedLifetime(folder) {} }
            let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
            let lock = open.first {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?
                    .hasSuffix("\(desk.path.split(separator: "/").last ?? "")/data/lock") == true
            }
            // What a child has between fork and exec.
            return dup(try #require(lock))
        }()
        defer { close(inherited) }
        #expect(throws: Never.self) { try desk.folder() }
    }

    @Test func `lists a lost segment as a gap and serves the others`() throws {
        let desk = try #require(desk)
        let roots = try { () throws -> [Root] in
            let publication = try desk.publication()
            publication.publish(0..<3)
            return try desk.rootsListed(by: publication)
        }()
        try Data("not what its name says".utf8).write(
            to: URL(fileURLWithPath: "\(desk.path)/data/segments/\(roots[1])"))
        let publication = try desk.publication()
        #expect(roots.map { publication.content($0)?.bytes != nil } == [true, false, true])
        let playlist = try #require(publication.mediaPlaylist(of: 0))
        #expect(playlist.components(separatedBy: "#EXT-X-GAP").count == 2)
    }

    @Test func `begins a new epoch after a closed broadcast, with numbers that go on`() throws {
        let desk = try #require(desk)
        let (old, playlist) = try { () throws -> (Record, String) in
            let publication = try desk.publication()
            publication.publish(0..<3, isClosing: true)
            #expect(publication.isClosed)
            return (try publication.newest().record, try #require(publication.mediaPlaylist(of: 0)))
        }()
        #expect(old.isLast)
        #expect(playlist.hasSuffix("#EXT-X-ENDLIST\n"))
        let publication = try desk.publication()
        #expect(!publication.isClosed)
        #expect(publication.mediaPlaylist(of: 0) == nil)
        #expect(publication.content(old.root)?.bytes != nil)
        publication.publish(10..<12)
        let (head, newest) = try publication.newest()
        #expect(!head.isClosed)
        #expect(newest.segment.sequence == 4)
        #expect(newest.epoch > old.epoch)
        let next = try #require(publication.mediaPlaylist(of: 0))
        #expect(next.contains("#EXT-X-MEDIA-SEQUENCE:3\n"))
        #expect(!next.contains("ENDLIST") && !next.contains("\(old.root)"))
    }

    @Test func `keeps what the master playlist has promised, and what it promises since a segment had more`() throws {
        let desk = try #require(desk)
        let promised = try { () throws -> String in
            let publication = try desk.publication()
            publication.describe(Publication.description)
            publication.publish(0..<2)
            #expect(publication.masterPlaylist == nil)
            publication.publish(2..<3)
            let text = try #require(publication.masterPlaylist)
            #expect(
                text.contains("BANDWIDTH=240000,AVERAGE-BANDWIDTH=160000,CODECS=\"avc1.64001f\",RESOLUTION=640x360"))
            publication.publish(cutSegment(3, length: 59_000))
            #expect(publication.masterPlaylist == text)
            publication.publish(cutSegment(4, length: 400_000))
            let raised = try #require(publication.masterPlaylist)
            #expect(raised.contains("BANDWIDTH=2400000,AVERAGE-BANDWIDTH=1600000,"))
            return raised
        }()
        #expect(try desk.publication().masterPlaylist == promised)
    }

    @Test func `keeps its folder small however long it runs`() throws {
        let desk = try #require(desk)
        let publication = try desk.publication()
        for number in 0..<80 { publication.publish(cutSegment(number, length: 500)) }
        let segments = try FileManager.default.contentsOfDirectory(atPath: desk.path + "/data/segments")
        #expect(segments.count <= 31)
        #expect(try publication.newest().record.segment.sequence == 79)
    }

    @Test func `signs a head only when there is news`() throws {
        let desk = try #require(desk)
        let publication = try desk.publication()
        #expect(publication.head == nil)
        publication.publish(0..<1)
        let first = publication.head
        #expect(publication.head == first)
        publication.publish(1..<2)
        #expect(publication.head != first)
    }
}

extension Desk {
    func rootsListed(by publication: Publication) throws -> [Root] {
        try #require(publication.mediaPlaylist(of: 0)).split(separator: "\n").filter { $0.hasSuffix(".ts") }
            .compactMap { Root(hex: $0.dropFirst("../segments/".count).dropLast(3)) }
    }
}
