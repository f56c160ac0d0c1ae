import OriginCore
import Testing
import Vocabulary

@Suite struct `Guessing stream keys` {
    private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

    @Test func `is allowed ten times at once, then once in five seconds`() throws {
        var limit = GuessLimit()
        for _ in 0..<10 {
            #expect(limit.wait(of: "a", at: at(1)) == nil)
            limit.missed("a", at: at(1))
        }
        let wait = try #require(limit.wait(of: "a", at: at(1)))
        #expect(wait == .seconds(5))
        #expect(limit.wait(of: "b", at: at(1)) == nil)
        #expect(limit.wait(of: "a", at: at(6)) == nil)
        limit.missed("a", at: at(6))
        #expect(limit.wait(of: "a", at: at(6)) != nil)
        #expect(limit.wait(of: "a", at: at(100)) == nil)
    }

    @Test func `is remembered of the newest when very many guess`() {
        var limit = GuessLimit()
        for guesser in 0...Limits.guessers {
            for _ in 0..<10 { limit.missed("\(guesser)", at: at(Double(guesser) / 1e6)) }
        }
        #expect(limit.wait(of: "0", at: at(0.01)) == nil)
        #expect(limit.wait(of: "\(Limits.guessers)", at: at(0.01)) != nil)
    }
}

@Suite struct `A broadcast that is on air` {
    private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

    @Test func `is taken over by a second encoder, or not, as the operator wishes`() {
        var onAir = OnAir()
        #expect(onAir.arrive(1, .takeOver, heard: .zero, at: at(1)) == .welcome(replacing: nil))
        #expect(onAir.arrive(2, .takeOver, heard: at(2), at: at(2)) == .welcome(replacing: 1))
        #expect(onAir.arrive(3, .refuse, heard: at(3), at: at(3)) == .busy)
        #expect(onAir.current == 2)
    }

    @Test func `is never kept by an encoder that has fallen silent`() {
        var onAir = OnAir()
        _ = onAir.arrive(1, .refuse, heard: .zero, at: at(1))
        #expect(onAir.arrive(2, .refuse, heard: at(1), at: at(5.9)) == .busy)
        #expect(onAir.arrive(2, .refuse, heard: at(1), at: at(6.1)) == .welcome(replacing: 1))
    }

    @Test func `is free when its encoder has left, not when one before it has`() {
        var onAir = OnAir()
        _ = onAir.arrive(1, .takeOver, heard: .zero, at: at(1))
        _ = onAir.arrive(2, .takeOver, heard: .zero, at: at(2))
        onAir.left(1)
        #expect(onAir.current == 2)
        onAir.left(2)
        #expect(onAir.arrive(3, .refuse, heard: at(2), at: at(2)) == .welcome(replacing: nil))
    }
}

@Suite struct `A log` {
    @Test func `tells twenty of a kind in ten seconds, and then how many it has passed over`() {
        var brevity = Brevity()
        let told = (0..<1_000).map { brevity.tells("flood", at: .zero + .milliseconds($0)) }
        #expect(told.prefix(20).allSatisfy { $0 == 0 } && told.dropFirst(20).allSatisfy { $0 == nil })
        #expect(brevity.tells("other", at: .zero + .seconds(1)) == 0)
        #expect(brevity.tells("flood", at: .zero + .seconds(10)) == 980)
        #expect(brevity.tells("flood", at: .zero + .seconds(10)) == 0)
    }
}

@Suite struct `A watch for keyframes` {
    @Test func `says once that none came for twenty seconds`() {
        var watch = KeyframeWatch()
        var said: [Int] = []
        for second in 0..<60 where watch.misses(isKeyframe: second == 30, at: .zero + .seconds(Double(second))) {
            said.append(second)
        }
        #expect(said == [21, 51])
    }
}
