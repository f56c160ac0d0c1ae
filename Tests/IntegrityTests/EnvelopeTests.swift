import Integrity
import Testing
import Vocabulary

@Suite struct `An envelope` {
    let key = SigningKey()
    let payload = Array("what the origin says".utf8)

    @Test func `gives back what its broadcast signed`() throws {
        let sealed = Envelope.seal(payload, as: .record, with: key)
        #expect(try Envelope.open(sealed, as: .record, by: key.broadcast) == payload)
    }

    @Test func `is refused when any byte is changed`() {
        let sealed = Envelope.seal(payload, as: .record, with: key)
        for place in sealed.indices {
            var changed = sealed
            changed[place] ^= 0x40
            #expect(throws: EnvelopeError.badSignature) {
                try Envelope.open(changed, as: .record, by: key.broadcast)
            }
        }
    }

    @Test func `is refused as another kind of statement, from another broadcast and cut short`() {
        let sealed = Envelope.seal(payload, as: .record, with: key)
        #expect(throws: EnvelopeError.badSignature) { try Envelope.open(sealed, as: .head, by: key.broadcast) }
        #expect(throws: EnvelopeError.badSignature) {
            try Envelope.open(sealed, as: .record, by: SigningKey().broadcast)
        }
        for length in 0...64 {
            #expect(throws: EnvelopeError.tooShort) {
                try Envelope.open(Array(sealed.prefix(length)), as: .record, by: key.broadcast)
            }
        }
    }

    /// RFC 8032, section 7.1, test 1: the public key of that seed.
    @Test func `comes from keys that grow from seeds as RFC 8032 says`() throws {
        let seed = try #require(
            Hexadecimal.decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
        let key = try #require(SigningKey(seed: seed))
        #expect(key.broadcast.description == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    }
}
