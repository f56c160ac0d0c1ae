import Integrity
import Testing
import Vocabulary

@Suite struct `A Noise handshake` {
    @Test(arguments: NoiseVector.all.indices)
    func `gives the published bytes`(index: Int) throws {
        let vector = NoiseVector.all[index]
        let prologue = try bytes(vector.prologue)
        var initiator = NoiseHandshake(
            isInitiator: true, prologue: prologue, identity: try key(vector.initiatorStatic),
            ephemeral: try key(vector.initiatorEphemeral))
        var responder = NoiseHandshake(
            isInitiator: false, prologue: prologue, identity: try key(vector.responderStatic),
            ephemeral: try key(vector.responderEphemeral))

        for (step, message) in vector.messages.prefix(3).enumerated() {
            let payload = try bytes(message.payload)
            let sent = step % 2 == 0 ? try initiator.write(payload) : try responder.write(payload)
            #expect(Hexadecimal.encode(sent) == message.ciphertext)
            let read = step % 2 == 0 ? try responder.read(sent) : try initiator.read(sent)
            #expect(read == payload)
        }
        #expect(initiator.isComplete && responder.isComplete)
        #expect(initiator.hash == responder.hash)
        if let hash = vector.handshakeHash { #expect(Hexadecimal.encode(initiator.hash) == hash) }
        #expect(initiator.remote == (try key(vector.responderStatic).peer))
        #expect(responder.remote == (try key(vector.initiatorStatic).peer))

        var (first, second) = (try initiator.split(), try responder.split())
        for (step, message) in vector.messages.dropFirst(3).enumerated() {
            let payload = try bytes(message.payload)
            // After three messages the turn is the responder's.
            let fromResponder = step % 2 == 0
            let sent =
                fromResponder ? try seal(payload, with: &second.sending) : try seal(payload, with: &first.sending)
            #expect(Hexadecimal.encode(sent) == message.ciphertext)
            let read = fromResponder ? try open(sent, with: &first.receiving) : try open(sent, with: &second.receiving)
            #expect(read == payload)
        }
    }

    @Test func `refuses every flipped byte of every message`() throws {
        for step in 0..<3 {
            for position in 0..<NoiseHandshake.messageLengths[step] {
                var (initiator, responder) = pair()
                var isRefused = false
                for current in 0..<3 {
                    do {
                        var message = current % 2 == 0 ? try initiator.write() : try responder.write()
                        if current == step { message[position] ^= 0x01 }
                        _ = current % 2 == 0 ? try responder.read(message) : try initiator.read(message)
                    } catch {
                        isRefused = true
                        break
                    }
                }
                #expect(isRefused, "message \(step), byte \(position)")
            }
        }
    }

    @Test func `refuses every truncated message`() throws {
        for step in 0..<3 {
            for length in 0..<NoiseHandshake.messageLengths[step] {
                var (initiator, responder) = pair()
                #expect(throws: NoiseError.self) {
                    for current in 0..<3 {
                        var message = current % 2 == 0 ? try initiator.write() : try responder.write()
                        if current == step { message = Array(message.prefix(length)) }
                        _ = current % 2 == 0 ? try responder.read(message) : try initiator.read(message)
                    }
                }
            }
        }
    }

    @Test func `refuses another prologue`() throws {
        var initiator = NoiseHandshake(isInitiator: true, prologue: [1], identity: NoiseKey())
        var responder = NoiseHandshake(isInitiator: false, prologue: [2], identity: NoiseKey())
        _ = try responder.read(try initiator.write())
        let second = try responder.write()
        #expect(throws: NoiseError.notAuthentic) { _ = try initiator.read(second) }
    }

    @Test func `refuses keys of small order`() throws {
        var responder = NoiseHandshake(isInitiator: false, prologue: [], identity: NoiseKey())
        _ = try responder.read([UInt8](repeating: 0, count: 32))
        #expect(throws: NoiseError.weakKey) { _ = try responder.write() }
    }

    @Test func `keeps the turns`() throws {
        var (initiator, responder) = pair()
        #expect(throws: NoiseError.outOfTurn) { _ = try responder.write() }
        #expect(throws: NoiseError.outOfTurn) { _ = try initiator.read([]) }
        #expect(throws: NoiseError.outOfTurn) { _ = try initiator.split() }
    }
}

@Suite struct `Two that both begin a Noise handshake` {
    @Test func `agree who goes on, and shake hands`() throws {
        for _ in 0..<8 {
            var ends = [NoiseKey(), NoiseKey()].map { NoiseHandshake(isInitiator: true, prologue: [7], identity: $0) }
            let first = [try ends[0].write(), try ends[1].write()]
            try ends[0].settle(with: first[1])
            try ends[1].settle(with: first[0])
            #expect(ends[0].isInitiator != ends[1].isInitiator)
            let (initiator, responder) = ends[0].isInitiator ? (0, 1) : (1, 0)
            #expect(first[initiator].lexicographicallyPrecedes(first[responder]))
            _ = try ends[initiator].read(try ends[responder].write())
            _ = try ends[responder].read(try ends[initiator].write())
            #expect(ends[0].isComplete && ends[1].isComplete && ends[0].hash == ends[1].hash)
            #expect(ends.allSatisfy { !$0.mayCollide })
        }
    }

    @Test func `refuse their own words, other lengths, and a second time`() throws {
        var end = NoiseHandshake(isInitiator: true, prologue: [], identity: NoiseKey())
        #expect(throws: NoiseError.outOfTurn) { try end.settle(with: [UInt8](repeating: 1, count: 32)) }
        let own = try end.write()
        #expect(throws: NoiseError.weakKey) { try end.settle(with: own) }
        #expect(throws: NoiseError.badLength) { try end.settle(with: [1]) }
        try end.settle(with: [UInt8](repeating: 0xFF, count: 32))
        #expect(throws: NoiseError.outOfTurn) { try end.settle(with: [UInt8](repeating: 0xFF, count: 32)) }
        var responder = NoiseHandshake(isInitiator: false, prologue: [], identity: NoiseKey())
        #expect(throws: NoiseError.outOfTurn) { try responder.settle(with: own) }
    }
}

@Suite struct `A Noise link` {
    @Test func `refuses flipped, repeated and skipped messages`() throws {
        var (initiator, responder) = pair()
        _ = try responder.read(try initiator.write())
        _ = try initiator.read(try responder.write())
        _ = try responder.read(try initiator.write())
        var sending = try initiator.split().sending
        let receiving = try responder.split().receiving

        let first = try seal(Array("one piece".utf8), with: &sending)
        let second = try seal(Array("another".utf8), with: &sending)
        for position in first.indices {
            var flipped = first
            flipped[position] ^= 0x80
            var fresh = receiving
            #expect(throws: NoiseError.notAuthentic) { _ = try open(flipped, with: &fresh) }
        }
        var skipping = receiving
        #expect(throws: NoiseError.notAuthentic) { _ = try open(second, with: &skipping) }
        var repeated = receiving
        _ = try open(first, with: &repeated)
        #expect(throws: NoiseError.notAuthentic) { _ = try open(first, with: &repeated) }
        #expect(throws: NoiseError.badLength) { _ = try open([1, 2, 3], with: &repeated) }
    }
}

private func pair() -> (NoiseHandshake, NoiseHandshake) {
    (
        NoiseHandshake(isInitiator: true, prologue: [7], identity: NoiseKey()),
        NoiseHandshake(isInitiator: false, prologue: [7], identity: NoiseKey())
    )
}

private func bytes(_ hex: String) throws -> [UInt8] { try #require(Hexadecimal.decode(hex)) }

private func key(_ hex: String) throws -> NoiseKey { try #require(NoiseKey(secret: bytes(hex))) }

private func seal(_ plaintext: [UInt8], with cipher: inout NoiseCipher) throws -> [UInt8] {
    var message = plaintext + [UInt8](repeating: 0, count: NoiseCipher.tagLength)
    try message.withUnsafeMutableBytes { try cipher.seal($0) }
    return message
}

private func open(_ ciphertext: [UInt8], with cipher: inout NoiseCipher) throws -> [UInt8] {
    var message = ciphertext
    try message.withUnsafeMutableBytes { try cipher.open($0) }
    return Array(message.dropLast(NoiseCipher.tagLength))
}
