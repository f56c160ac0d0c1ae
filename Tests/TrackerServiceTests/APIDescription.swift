import Foundation
import Stage
import Testing

/// `Documentation/tracker-api.json`: holds real answers to what it promises.
struct APIDescription {
    private let document: JSON

    init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let bytes = try Data(contentsOf: root.appendingPathComponent("Documentation/tracker-api.json"))
        document = try #require(JSON(parsing: Array(bytes)))
    }

    /// Every method of every path, such as "get /v1/broadcasts".
    var operations: Set<String> {
        var operations: Set<String> = []
        for (path, item) in Self.fields(document["paths"]) {
            for method in Self.fields(item).keys where method != "parameters" { operations.insert("\(method) \(path)") }
        }
        return operations
    }

    func parameters(of operation: String) -> Set<String> {
        let parts = operation.split(separator: " ")
        let item = document["paths"]?[String(parts[1])]?[String(parts[0])]
        return Set((item?["parameters"]?.items ?? []).compactMap { $0["in"]?.text == "query" ? $0["name"]?.text : nil })
    }

    /// What is wrong with an answer; empty when it is as described.
    func faults(of operation: String, status: Int, type: String?, body: [UInt8]) -> [String] {
        let parts = operation.split(separator: " ")
        guard let item = document["paths"]?[String(parts[1])]?[String(parts[0])] else {
            return ["\(operation) is not described"]
        }
        guard let response = item["responses"]?["\(status)"].map(resolve) else {
            return ["\(operation) does not describe \(status)"]
        }
        let contents = Self.fields(response["content"])
        guard !contents.isEmpty else { return body.isEmpty ? [] : ["\(operation) \(status) has a body"] }
        let media = type?.split(separator: ";").first.map(String.init) ?? ""
        guard let schema = contents[media]?["schema"] else { return ["\(operation) \(status) is no \(media)"] }
        guard media == "application/json" else { return [] }
        guard let value = JSON(parsing: body) else { return ["\(operation) \(status) is no JSON"] }
        return faults(of: value, schema, at: operation)
    }

    private func resolve(_ value: JSON) -> JSON {
        guard let reference = value["$ref"]?.text else { return value }
        let found = reference.split(separator: "/").dropFirst().reduce(document as JSON?) { $0?[String($1)] }
        return found ?? .object(["unresolved": .text(reference)])
    }

    private static func fields(_ value: JSON?) -> [String: JSON] {
        guard case .object(let fields)? = value else { return [:] }
        return fields
    }

    /// The part of JSON Schema that the description uses; any other keyword is a fault.
    private func faults(of value: JSON, _ schema: JSON, at place: String) -> [String] {
        let schema = resolve(schema)
        var faults: [String] = []
        func expect(_ holds: Bool, _ what: String) {
            if !holds { faults.append("\(place): \(what)") }
        }
        if case .null = value {
            let types = (schema["type"]?.items ?? []).compactMap(\.text)
            return types.contains("null") ? [] : ["\(place): is null"]
        }
        for (keyword, rule) in Self.fields(schema) {
            switch keyword {
            case "description": continue
            case "type":
                let types = rule.items?.compactMap(\.text) ?? [rule.text ?? ""]
                expect(types.contains { Self.isOf($0, value) }, "is no \(types)")
            case "enum": expect(rule.items?.contains(value) == true, "is none of \(rule)")
            case "pattern":
                let isMatch = value.text.flatMap { try? Regex(rule.text ?? "").firstMatch(in: $0) } != nil
                expect(isMatch, "does not match \(rule)")
            case "minLength": expect((value.text?.count ?? 0) >= Int(rule.number ?? 0), "is too short")
            case "maxLength": expect((value.text?.count ?? 0) <= Int(rule.number ?? 0), "is too long")
            case "minimum": expect(value.number ?? 0 >= rule.number ?? 0, "is too small")
            case "maximum": expect(value.number ?? 0 <= rule.number ?? 0, "is too large")
            case "maxItems": expect((value.items?.count ?? 0) <= Int(rule.number ?? 0), "has too many items")
            case "items":
                for (position, item) in (value.items ?? []).enumerated() {
                    faults += self.faults(of: item, rule, at: "\(place)[\(position)]")
                }
            case "required":
                for name in (rule.items ?? []).compactMap(\.text) { expect(value[name] != nil, "lacks \(name)") }
            case "properties":
                for (name, inner) in Self.fields(rule) {
                    if let field = value[name] { faults += self.faults(of: field, inner, at: "\(place).\(name)") }
                }
            case "additionalProperties":
                let known = Set(Self.fields(schema["properties"]).keys)
                for name in Self.fields(value).keys { expect(known.contains(name), "has \(name) besides") }
            default: expect(false, "the keyword \(keyword) is not known")
            }
        }
        return faults
    }

    private static func isOf(_ type: String, _ value: JSON) -> Bool {
        switch (type, value) {
        case ("object", .object), ("array", .list), ("string", .text), ("boolean", .bool), ("number", .number): true
        case ("integer", .number(let number)): number == number.rounded()
        default: false
        }
    }
}
