import Vocabulary

/// A JSON value whose objects keep their order and whose numbers keep their spelling, so that seeds stay exact.
package indirect enum JSONNode: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case text(String)
    case list([JSONNode])
    case object([Field])

    package struct Field: Hashable, Sendable {
        package let key: String
        package let value: JSONNode

        package init(_ key: String, _ value: JSONNode) {
            self.key = key
            self.value = value
        }
    }

    package static func number(_ value: Double) -> JSONNode { .number(Numeral.text(value)) }
    package static func number(_ value: some BinaryInteger) -> JSONNode { .number("\(value)") }

    package subscript(_ key: String) -> JSONNode? { fields?.first { $0.key == key }?.value }

    package var fields: [Field]? {
        guard case .object(let fields) = self else { return nil }
        return fields
    }

    package var items: [JSONNode]? {
        guard case .list(let items) = self else { return nil }
        return items
    }

    package var string: String? {
        guard case .text(let text) = self else { return nil }
        return text
    }

    package var double: Double? {
        guard case .number(let text) = self else { return nil }
        return Numeral.value(text)
    }

    package var unsigned: UInt64? {
        guard case .number(let text) = self else { return nil }
        return UInt64(text)
    }

    // MARK: Writing

    /// One line without white space.
    package var encoded: String {
        var text = ""
        write(into: &text, indentation: nil)
        return text
    }

    /// One field a line, for people.
    package var indented: String {
        var text = ""
        write(into: &text, indentation: 0)
        return text + "\n"
    }

    private func write(into text: inout String, indentation: Int?) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let literal): text += literal
        case .text(let value): JSONText.append(value, to: &text)
        case .list(let items):
            Self.write(items, brackets: ("[", "]"), into: &text, indentation) { $0.write(into: &$1, indentation: $2) }
        case .object(let fields):
            Self.write(fields, brackets: ("{", "}"), into: &text, indentation) { field, text, depth in
                JSONText.append(field.key, to: &text)
                text += depth == nil ? ":" : ": "
                field.value.write(into: &text, indentation: depth)
            }
        }
    }

    private static func write<Element>(
        _ elements: [Element], brackets: (String, String), into text: inout String, _ indentation: Int?,
        _ body: (Element, inout String, Int?) -> Void
    ) {
        let deeper = indentation.map { $0 + 2 }
        text += brackets.0
        for (position, element) in elements.enumerated() {
            if position > 0 { text += "," }
            if let deeper { text += "\n" + String(repeating: " ", count: deeper) }
            body(element, &text, deeper)
        }
        if let indentation, !elements.isEmpty { text += "\n" + String(repeating: " ", count: indentation) }
        text += brackets.1
    }
}
