import NIOCore
import Vocabulary

/// Reads one value of AMF 3 (Adobe, "AMF 3 Specification", 2013), which some clients put into their commands.
///
/// References to objects read as null: no command that matters has one.
struct AMF3Reader {
    var outer: AMFReader
    private var strings: [String] = []
    private var traits: [Traits] = []

    private struct Traits {
        var names: [String]
        var isDynamic: Bool
    }

    init(_ outer: AMFReader) { self.outer = outer }

    mutating func value(depth: Int) throws(RTMPError) -> AMF {
        try outer.count(depth: depth)
        let marker = try outer.integer(UInt8.self)
        switch marker {
        case 0: return .undefined
        case 1: return .null
        case 2: return .boolean(false)
        case 3: return .boolean(true)
        case 4: return .number(Double(try signedInteger()))
        case 5: return .number(Double(bitPattern: try outer.integer(UInt64.self)))
        case 6: return .string(try string())
        case 7, 11, 12:  // XML, and bytes
            guard let length = try header() else { return .null }
            return .string(try outer.text(length))
        case 8:
            guard try header() != nil else { return .null }
            return .number(Double(bitPattern: try outer.integer(UInt64.self)))
        case 9: return try array(depth: depth)
        case 10: return try object(depth: depth)
        default: throw .unknownMarker(marker)
        }
    }

    /// 29 bits in one to four bytes, section 1.3.1.
    private mutating func unsignedInteger() throws(RTMPError) -> Int {
        var number = 0
        for position in 0..<4 {
            let byte = Int(try outer.integer(UInt8.self))
            if position == 3 { return number << 8 | byte }
            number = number << 7 | byte & 0x7f
            if byte < 0x80 { break }
        }
        return number
    }

    private mutating func signedInteger() throws(RTMPError) -> Int {
        let number = try unsignedInteger()
        return number >= 1 << 28 ? number - 1 << 29 : number
    }

    /// A length, or `nil` for a reference.
    private mutating func header() throws(RTMPError) -> Int? {
        let number = try unsignedInteger()
        return number & 1 == 1 ? number >> 1 : nil
    }

    private mutating func string() throws(RTMPError) -> String {
        let number = try unsignedInteger()
        guard number & 1 == 1 else {
            guard number >> 1 < strings.count else { throw .outOfRange("a reference") }
            return strings[number >> 1]
        }
        let text = try outer.text(number >> 1)
        if !text.isEmpty {
            guard strings.count < Limits.amfValues else { throw .tooMany("strings") }
            strings.append(text)
        }
        return text
    }

    private mutating func array(depth: Int) throws(RTMPError) -> AMF {
        guard let count = try header() else { return .null }
        let named = try dynamicFields(depth: depth)
        guard count <= outer.roomLeft else { throw .tooMany("values") }
        var values: [AMF] = []
        for _ in 0..<count { values.append(try value(depth: depth + 1)) }
        return named.isEmpty ? .array(values) : .object(named)
    }

    private mutating func object(depth: Int) throws(RTMPError) -> AMF {
        guard let header = try header() else { return .null }
        let kind: Traits
        if header & 1 == 0 {
            guard header >> 1 < traits.count else { throw .outOfRange("a reference") }
            kind = traits[header >> 1]
        } else {
            guard header & 2 == 0 else { throw .unknownMarker(10) }  // it writes itself in a way of its own
            let count = header >> 3
            guard count <= outer.roomLeft else { throw .tooMany("values") }
            _ = try string()  // the class
            var names: [String] = []
            for _ in 0..<count {
                try outer.count(depth: depth)
                names.append(try string())
            }
            kind = Traits(names: names, isDynamic: header & 4 != 0)
            traits.append(kind)
        }
        var fields: [AMF.Field] = []
        for name in kind.names { fields.append(AMF.Field(name, try value(depth: depth + 1))) }
        return .object(fields + (kind.isDynamic ? try dynamicFields(depth: depth) : []))
    }

    private mutating func dynamicFields(depth: Int) throws(RTMPError) -> [AMF.Field] {
        var fields: [AMF.Field] = []
        while true {
            let name = try string()
            if name.isEmpty { return fields }
            fields.append(AMF.Field(name, try value(depth: depth + 1)))
        }
    }
}
