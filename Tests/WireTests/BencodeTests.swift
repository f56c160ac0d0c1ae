import Testing
import Vocabulary
import Wire

@Suite struct `Bencoded bytes` {
    @Test(arguments: [
        Bencode.integer(0), .integer(-1), .integer(.max), .integer(.min), .bytes([]), .bytes([0, 255]), .list([]),
        .list([.integer(1), .list([.bytes([1])])]), .dictionary([:]),
        .dictionary(["a": .integer(1), "b": .dictionary(["c": .list([])])]),
    ])
    func `reads back what it writes`(value: Bencode) throws {
        #expect(try Bencode(parsing: value.encoded) == value)
    }

    @Test func `refuses every beginning of a value`() throws {
        let whole = Bencode.dictionary(["a": .list([.integer(12), .bytes([1, 2, 3])]), "bb": .integer(-3)]).encoded
        for length in 0..<whole.count {
            #expect(throws: WireError.truncated) { try Bencode(parsing: Array(whole.prefix(length))) }
        }
    }

    @Test(arguments: [
        ("i01e", WireError.notCanonical), ("i-0e", .notCanonical), ("ie", .notInteger), ("i-e", .notInteger),
        ("i1.5e", .notInteger), ("i+1e", .notInteger), ("i 1e", .notInteger), ("01:a", .notCanonical),
        ("-1:a", .unexpected(UInt8(ascii: "-"))), ("i9223372036854775808e", .outOfRange("integer")),
        ("99999999999999999999:a", .outOfRange("integer")), ("2147483647:abc", .truncated), ("i1ei2e", .trailingBytes),
        ("d1:bi1e1:ai2ee", .notCanonical), ("d1:ai1e1:ai2ee", .notCanonical), ("di1ei2ee", .notInteger),
        ("x", .unexpected(UInt8(ascii: "x"))), ("", .truncated), ("d1:a", .truncated),
    ])
    func `refuses what is written in another way`(text: String, error: WireError) {
        #expect(throws: error) { try Bencode(parsing: Array(text.utf8)) }
    }

    @Test func `refuses depth and numbers of values without end`() {
        #expect(throws: WireError.tooDeep) { try Bencode(parsing: Array(repeating: UInt8(ascii: "l"), count: 150_000)) }
        let wide = "l" + String(repeating: "i1e", count: Limits.bencodeValues + 1) + "e"
        #expect(throws: WireError.tooMany) { try Bencode(parsing: Array(wide.utf8)) }
    }

    @Test func `never traps on bytes by chance`() {
        var random = Randomness(seed: 7)
        let letters = Array("ilde0123456789:-".utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                letters[Int.random(in: 0..<letters.count, using: &random)]
            }
            guard let value = try? Bencode(parsing: bytes) else { continue }
            #expect(value.encoded == bytes)
        }
    }
}
