import Foundation

/// A JSON value that a program has written.
package enum JSON: Sendable, Hashable, Decodable {
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
    case list([JSON])
    case object([String: JSON])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    package init?(parsing bytes: [UInt8]) {
        guard let value = try? JSONDecoder().decode(JSON.self, from: Data(bytes)) else { return nil }
        self = value
    }

    package subscript(_ key: String) -> JSON? {
        guard case .object(let fields) = self else { return nil }
        return fields[key]
    }

    package var text: String? {
        guard case .text(let value) = self else { return nil }
        return value
    }

    package var number: Double? {
        guard case .number(let value) = self else { return nil }
        return value
    }

    package var items: [JSON]? {
        guard case .list(let values) = self else { return nil }
        return values
    }

    /// A count, zero when the key is missing.
    package func count(_ key: String) -> Int { self[key]?.number.flatMap { Int(exactly: $0.rounded()) } ?? 0 }
}
