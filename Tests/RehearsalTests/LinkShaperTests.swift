import Testing
import Vocabulary

@testable import RehearsalNetwork

@Suite struct `A line` {
    private func time(_ milliseconds: Double) -> Instant { Instant.zero + .seconds(milliseconds / 1e3) }

    private func arrivals(
        _ shaper: inout LinkShaper, count: Int, bytes: Int = 1_250, every gap: Interval = .zero
    ) -> [Instant?] {
        (0..<count).map { number in
            switch shaper.send(bytes, at: .zero + gap * Double(number)) {
            case .through(let arrival): arrival
            case .lost, .overflowed: nil
            }
        }
    }

    @Test func `sends packets one after the other at its rate and then delays each`() {
        var shaper = LinkShaper(Line(up: 10e6, delay: .milliseconds(20)), seed: 1)
        // 1250 bytes at 10 Mbit/s take a millisecond.
        #expect(arrivals(&shaper, count: 4) == [21, 22, 23, 24].map(time))
    }

    @Test func `rests between packets that come slower than its rate`() {
        var shaper = LinkShaper(Line(up: 10e6), seed: 1)
        #expect(arrivals(&shaper, count: 3, every: .milliseconds(5)) == [1, 6, 11].map(time))
    }

    @Test func `drops the newest packet when its queue is full, and takes the next when it has drained`() {
        var shaper = LinkShaper(Line(up: 10e6, queue: .milliseconds(50)), seed: 1)
        let fates = arrivals(&shaper, count: 100)
        // The one in service, and those that wait no longer than 50 ms.
        #expect(fates.count { $0 != nil } == 51)
        #expect(fates.prefix(51).allSatisfy { $0 != nil })
        #expect(shaper.send(1_250, at: time(2)) == .through(at: time(52)))
    }

    @Test func `holds a window of packets however short its queue is in time`() {
        var shaper = LinkShaper(Line(up: 100e3, queue: .milliseconds(1)), seed: 1)
        let bytes = 1_000
        let taken = arrivals(&shaper, count: 100, bytes: bytes).count { $0 != nil }
        #expect(taken * bytes >= Int(RateQueue.smallest))
        #expect(taken * bytes < Int(RateQueue.smallest) + 2 * bytes)
    }

    @Test func `without a rate passes everything at once`() {
        var shaper = LinkShaper(Line(delay: .milliseconds(3)), seed: 1)
        #expect(arrivals(&shaper, count: 1_000).allSatisfy { $0 == time(3) })
    }

    @Test func `has an uplink and a downlink that know nothing of each other`() {
        var shaper = LinkShaper(Line(up: 10e6, down: 1e6, delay: .milliseconds(20)), seed: 1)
        #expect(shaper.send(1_250, at: .zero) == .through(at: time(21)))
        #expect(shaper.receive(1_250, at: .zero) == .through(at: time(10)))
        #expect(shaper.receive(1_250, at: .zero) == .through(at: time(20)))
    }

    @Test func `delays by chance without letting a packet overtake another`() {
        let line = Line(delay: .milliseconds(20), jitter: .milliseconds(10))
        var shaper = LinkShaper(line, seed: 7)
        let times = arrivals(&shaper, count: 2_000, every: .microseconds(500)).compactMap(\.self)
        #expect(times.count == 2_000)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
        let delays = times.enumerated().map { ($1 - .zero - .microseconds(500) * Double($0)).seconds }
        #expect(delays.allSatisfy { $0 >= 0.02 && $0 < 0.03 })
        #expect((delays.max() ?? 0) - (delays.min() ?? 0) > 0.005)
    }

    @Test func `lets no packet overtake those before it when its delay shrinks`() {
        var shaper = LinkShaper(Line(delay: .milliseconds(100)), seed: 1)
        _ = shaper.send(100, at: .zero)
        shaper.line.delay = .milliseconds(1)
        #expect(shaper.send(100, at: time(10)) == .through(at: time(100)))
        #expect(shaper.send(100, at: time(200)) == .through(at: time(201)))
    }

    @Test func `loses the share of packets that it is told to, both ways`() {
        var shaper = LinkShaper(Line(loss: 0.1), seed: 3)
        let out = (0..<10_000).count { _ in shaper.send(100, at: .zero) == .lost }
        let back = (0..<10_000).count { _ in shaper.receive(100, at: .zero) == .lost }
        // Four standard deviations of 10,000 draws at 0.1 are 120.
        #expect(abs(out - 1_000) < 120)
        #expect(abs(back - 1_000) < 120)
    }

    @Test func `treats the same packets at the same times alike`() {
        let line = Line(up: 5e6, delay: .milliseconds(5), jitter: .milliseconds(4), loss: 0.2)
        var one = LinkShaper(line, seed: 9)
        var other = LinkShaper(line, seed: 9)
        #expect(arrivals(&one, count: 500) == arrivals(&other, count: 500))
    }
}

@Suite struct `An agenda` {
    @Test func `gives what is due, the earliest first and equals in their order`() {
        var agenda = Agenda()
        var randomness = Randomness(seed: 5)
        let times = (0..<500).map { _ in Int64.random(in: 0..<40, using: &randomness) }
        for (slot, time) in times.enumerated() { agenda.add(slot, at: Instant(nanoseconds: time)) }
        var taken: [Agenda.Entry] = []
        while let entry = agenda.take(until: Instant(nanoseconds: 19)) { taken.append(entry) }
        #expect(taken.count == times.count { $0 < 20 })
        for (a, b) in zip(taken, taken.dropFirst()) {
            #expect(a.due < b.due || (a.due == b.due && a.slot < b.slot))
        }
        #expect(agenda.next.map { $0 >= Instant(nanoseconds: 20) } == true)
        while agenda.take(until: .distantFuture) != nil {}
        #expect(agenda.next == nil)
    }
}

@Suite struct `A packet seen from outside` {
    private func view<Result>(_ bytes: [UInt8], _ body: (PacketView) -> Result) -> Result {
        withUnsafeTemporaryAllocation(byteCount: bytes.count, alignment: 16) { buffer in
            buffer.copyBytes(from: bytes)
            guard let start = buffer.baseAddress else { preconditionFailure("no memory") }
            return body(PacketView(start, bytes.count))
        }
    }

    private func packet(_ kind: UInt8, options: Int = 0, _ transport: [UInt8], _ payload: [UInt8]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 20 + options)
        bytes[0] = 0x40 | UInt8(5 + options / 4)
        bytes[9] = kind
        bytes[16...19] = [10, 78, 0, 3]
        return bytes + transport + payload
    }

    private func tcp(words: UInt8) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: Int(words) * 4)
        header[12] = words << 4
        return header
    }

    @Test func `has a destination, and a payload behind the options of both headers`() {
        view(packet(6, options: 8, tcp(words: 8), Array("GET / HTTP/1.1".utf8))) { packet in
            #expect(packet.isIPv4)
            #expect(packet.destination == 0x0a4e_0003)
            #expect(packet.payload == 14)
            #expect(packet.isRequest)
        }
    }

    @Test func `is a request only when TCP carries one`() {
        #expect(!view(packet(6, tcp(words: 5), Array("HTTP/1.1 200".utf8)), \.isRequest))
        #expect(!view(packet(17, [UInt8](repeating: 0, count: 8), Array("GET ".utf8)), \.isRequest))
        #expect(view(packet(17, [UInt8](repeating: 0, count: 8), Array("GET ".utf8)), \.payload) == 4)
        #expect(!view(packet(6, tcp(words: 5), []), \.isRequest))
    }

    @Test func `that is cut short or claims too long a header has no payload`() {
        for length in 0..<40 {
            let bytes = Array(packet(6, tcp(words: 15), Array("GET ".utf8)).prefix(length))
            let payload = view(bytes) { $0.isIPv4 ? $0.payload : 0 }
            #expect(payload == 0)
        }
        #expect(!view([0x60] + [UInt8](repeating: 0, count: 39), \.isIPv4))
    }
}
