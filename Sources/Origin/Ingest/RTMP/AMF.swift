package import NIOCore
import Vocabulary

/// A value of the Action Message Format, in which RTMP commands are written (Adobe, "AMF 0 Specification", 2007).
///
/// What arrives as AMF 3 becomes the same values; only AMF 0 is ever written.
package indirect enum AMF: Hashable, Sendable {
    case number(Double)
    case boolean(Bool)
    case string(String)
    case object([Field])
    case array([AMF])
    case null
    case undefined

    package struct Field: Hashable, Sendable {
        package var name: String
        package var value: AMF

        package init(_ name: String, _ value: AMF) {
            self.name = name
            self.value = value
        }
    }

    package var text: String? { if case .string(let text) = self { text } else { nil } }

    package var number: Double? { if case .number(let number) = self { number } else { nil } }

    package subscript(name: String) -> AMF? {
        guard case .object(let fields) = self else { return nil }
        return fields.first { $0.name == name }?.value
    }

    /// All values in `bytes`, one after the other.
    package static func values(parsing bytes: ByteBuffer) throws(RTMPError) -> [AMF] {
        var reader = AMFReader(bytes: bytes)
        var values: [AMF] = []
        while reader.bytes.readableBytes > 0 { values.append(try reader.value(depth: 0)) }
        return values
    }

    package func encode(into buffer: inout ByteBuffer) {
        switch self {
        case .number(let number):
            buffer.writeInteger(AMF.Marker.number)
            buffer.writeInteger(number.bitPattern)
        case .boolean(let flag):
            buffer.writeInteger(AMF.Marker.boolean)
            buffer.writeInteger(flag ? 1 : 0, as: UInt8.self)
        case .string(let text):
            let bytes = Array(text.utf8)
            if bytes.count <= Int(UInt16.max) {
                buffer.writeInteger(AMF.Marker.string)
                buffer.writeInteger(UInt16(bytes.count))
            } else {
                buffer.writeInteger(AMF.Marker.longString)
                buffer.writeInteger(UInt32(clamping: bytes.count))
            }
            buffer.writeBytes(bytes)
        case .object(let fields):
            buffer.writeInteger(AMF.Marker.object)
            for field in fields {
                let name = Array(field.name.utf8.prefix(Int(UInt16.max)))
                buffer.writeInteger(UInt16(name.count))
                buffer.writeBytes(name)
                field.value.encode(into: &buffer)
            }
            buffer.writeInteger(UInt16(0))
            buffer.writeInteger(AMF.Marker.objectEnd)
        case .array(let values):
            buffer.writeInteger(AMF.Marker.strictArray)
            buffer.writeInteger(UInt32(clamping: values.count))
            for value in values { value.encode(into: &buffer) }
        case .null: buffer.writeInteger(AMF.Marker.null)
        case .undefined: buffer.writeInteger(AMF.Marker.undefined)
        }
    }

    /// The types of AMF 0, section 2.1.
    enum Marker {
        static let number: UInt8 = 0
        static let boolean: UInt8 = 1
        static let string: UInt8 = 2
        static let object: UInt8 = 3
        static let movieClip: UInt8 = 4
        static let null: UInt8 = 5
        static let undefined: UInt8 = 6
        static let reference: UInt8 = 7
        static let ecmaArray: UInt8 = 8
        static let objectEnd: UInt8 = 9
        static let strictArray: UInt8 = 10
        static let date: UInt8 = 11
        static let longString: UInt8 = 12
        static let unsupported: UInt8 = 13
        static let recordSet: UInt8 = 14
        static let xml: UInt8 = 15
        static let typedObject: UInt8 = 16
        /// What follows is AMF 3.
        static let amf3: UInt8 = 17
    }
}

/// Reads AMF 0 and what is in it of AMF 3.
struct AMFReader {
    var bytes: ByteBuffer
    private var room = Limits.amfValues

    init(bytes: ByteBuffer) { self.bytes = bytes }

    mutating func value(depth: Int) throws(RTMPError) -> AMF {
        try count(depth: depth)
        let marker = try integer(UInt8.self)
        switch marker {
        case AMF.Marker.number: return .number(Double(bitPattern: try integer(UInt64.self)))
        case AMF.Marker.boolean: return .boolean(try integer(UInt8.self) != 0)
        case AMF.Marker.string: return .string(try text(Int(try integer(UInt16.self))))
        case AMF.Marker.longString, AMF.Marker.xml: return .string(try text(Int(try integer(UInt32.self))))
        case AMF.Marker.object: return .object(try fields(depth: depth))
        case AMF.Marker.ecmaArray:
            _ = try integer(UInt32.self)  // a hint; the end is marked
            return .object(try fields(depth: depth))
        case AMF.Marker.typedObject:
            _ = try text(Int(try integer(UInt16.self)))
            return .object(try fields(depth: depth))
        case AMF.Marker.strictArray:
            let count = Int(try integer(UInt32.self))
            guard count <= room else { throw .tooMany("values") }
            var values: [AMF] = []
            for _ in 0..<count { values.append(try value(depth: depth + 1)) }
            return .array(values)
        case AMF.Marker.date:
            let time = Double(bitPattern: try integer(UInt64.self))
            _ = try integer(UInt16.self)  // time zone: reserved
            return .number(time)
        case AMF.Marker.null, AMF.Marker.movieClip, AMF.Marker.unsupported, AMF.Marker.recordSet: return .null
        case AMF.Marker.reference:
            _ = try integer(UInt16.self)
            return .null
        case AMF.Marker.undefined: return .undefined
        case AMF.Marker.amf3:
            var inner = AMF3Reader(self)
            let value = try inner.value(depth: depth + 1)
            self = inner.outer
            return value
        default: throw .unknownMarker(marker)
        }
    }

    private mutating func fields(depth: Int) throws(RTMPError) -> [AMF.Field] {
        var fields: [AMF.Field] = []
        while true {
            let name = try text(Int(try integer(UInt16.self)))
            if name.isEmpty, bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) == AMF.Marker.objectEnd {
                bytes.moveReaderIndex(forwardBy: 1)
                return fields
            }
            fields.append(AMF.Field(name, try value(depth: depth + 1)))
        }
    }

    /// Every value, however deep, is counted against one limit.
    mutating func count(depth: Int) throws(RTMPError) {
        guard depth <= Limits.amfDepth else { throw .tooDeep }
        guard room > 0 else { throw .tooMany("values") }
        room -= 1
    }

    mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws(RTMPError) -> Number {
        guard let number = bytes.readInteger(as: type) else { throw .truncated }
        return number
    }

    mutating func text(_ length: Int) throws(RTMPError) -> String {
        guard length <= bytes.readableBytes else { throw .truncated }
        guard length <= Limits.amfText else { throw .oversized(length: length, limit: Limits.amfText) }
        guard let view = bytes.readSlice(length: length)?.readableBytesView else { throw .truncated }
        return String(decoding: view, as: UTF8.self)
    }

    var roomLeft: Int { room }
}
