import CDatagrams
import CHiredis
import Glibc

/// One connection to a Redis server; asks and waits for the answer. Confined to whoever owns it.
final class RedisConnection {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What Redis answers, less its kinds of text.
    indirect enum Reply {
        case none
        case integer(Int64)
        case bytes([UInt8])
        case list([Reply])

        var items: [Reply] {
            guard case .list(let items) = self else { return [] }
            return items
        }

        var bytes: [UInt8]? {
            guard case .bytes(let bytes) = self else { return nil }
            return bytes
        }
    }

    /// How long a server may take to answer before it counts as gone, in seconds.
    private static let patience = 2
    /// Answers within answers that we look into.
    private static let depth = 5

    private let context: UnsafeMutablePointer<redisContext>

    init(_ redis: TrackerOptions.Redis) throws(Failure) {
        let patience = timeval(tv_sec: Self.patience, tv_usec: 0)
        guard let context = redisConnectWithTimeout(redis.place.host, Int32(redis.place.port), patience) else {
            throw Failure(description: "there is no memory for a connection")
        }
        self.context = context
        guard context.pointee.err == 0 else { throw failure }
        redisSetTimeout(context, patience)
        if let password = redis.password { _ = try ask("AUTH", password) }
    }

    deinit { redisFree(context) }

    private var failure: Failure {
        Failure(description: withUnsafeBytes(of: context.pointee.errstr) { Self.text($0) })
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    func ask(_ words: String...) throws(Failure) -> Reply { try ask(words.map { Array($0.utf8) }) }

    func ask(_ words: [[UInt8]]) throws(Failure) -> Reply {
        let lengths = words.map(\.count)
        let joined = Array(words.joined(separator: [0]))
        let answer = joined.withUnsafeBufferPointer { bytes -> UnsafeMutableRawPointer? in
            var places: [UnsafePointer<CChar>?] = []
            var start = 0
            for length in lengths {
                places.append(
                    bytes.baseAddress.map { UnsafeRawPointer($0 + start).assumingMemoryBound(to: CChar.self) })
                start += length + 1
            }
            return redisCommandArgv(context, Int32(places.count), &places, lengths)
        }
        guard let answer else { throw failure }
        defer { freeReplyObject(answer) }
        return try Self.read(answer.assumingMemoryBound(to: redisReply.self), depth: 0)
    }

    private static func read(_ reply: UnsafeMutablePointer<redisReply>, depth: Int) throws(Failure) -> Reply {
        let value = reply.pointee
        let bytes = value.str.map { Array(UnsafeRawBufferPointer(start: $0, count: value.len)) } ?? []
        switch value.type {
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: return .bytes(bytes)
        case REDIS_REPLY_INTEGER: return .integer(value.integer)
        case REDIS_REPLY_ERROR: throw Failure(description: String(decoding: bytes, as: UTF8.self))
        case REDIS_REPLY_ARRAY:
            guard depth < Self.depth else { throw Failure(description: "an answer is too deep") }
            var items: [Reply] = []
            for position in 0..<value.elements {
                guard let item = value.element[position] else { continue }
                items.append(try read(item, depth: depth + 1))
            }
            return .list(items)
        default: return .none
        }
    }
}
