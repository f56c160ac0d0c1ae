import Vocabulary

/// Names of broadcasts (64 hexadecimal digits) and info-hashes (40), one a line, as an operator has listed them.
package struct AccessList: Hashable, Sendable {
    package struct Failure: Error, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// An info-hash stands here with zeros behind it.
    private let names: Set<Word256>

    package var count: Int { names.count }

    /// Empty lines and what follows a "#" say nothing. A line that is no name is an error: skipping it would allow or
    /// deny something else than was meant.
    package init(parsing text: String, of file: String) throws(Failure) {
        var names: Set<Word256> = []
        let lines = text.utf8.split(omittingEmptySubsequences: false) { $0 == UInt8(ascii: "\n") }
        for (number, line) in lines.enumerated() {
            let words = line.prefix { $0 != UInt8(ascii: "#") }.split { $0 == 32 || $0 == 9 || $0 == 13 }
            guard let word = words.first else { continue }
            guard words.count == 1, let bytes = Hexadecimal.decode(Substring(word)), let name = Self.name(bytes) else {
                throw Failure(description: "\(file):\(number + 1): a line has 40 or 64 hexadecimal digits")
            }
            names.insert(name)
            guard names.count <= Limits.accessEntries else {
                throw Failure(description: "\(file) has more than \(Limits.accessEntries) names")
            }
        }
        self.names = names
    }

    func contains(_ name: Word256) -> Bool { names.contains(name) }

    private static func name(_ bytes: [UInt8]) -> Word256? {
        InfoHash(bytes).map { name(of: $0) } ?? Word256(bytes)
    }

    /// What an info-hash is called here: itself with zeros behind it.
    static func name(of hash: InfoHash) -> Word256 {
        Word256(hash.words.0, hash.words.1, UInt64(hash.words.2) << 32, 0)
    }
}
