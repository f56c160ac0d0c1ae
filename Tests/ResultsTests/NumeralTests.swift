import Results
import Testing

@Suite struct `A numeral` {
    @Test(
        arguments: [
            (0, "0"), (-0.0, "0"), (1, "1"), (-17, "-17"), (0.1, "0.1"), (1 / 3.0, "0.333333333"),
            (2 / 3.0, "0.666666667"),
            (0.999_999_999_9, "1"), (123_456_789_012, "123456789012"), (1_234.567_890_12, "1234.56789"),
            (1_234_567_890.5, "1234567890"), (1e-6, "0.000001"), (2.5e-7, "2.5e-7"), (1e-300, "1e-300"),
            (1e15, "1000000000000000"), (1.5e20, "1.5e20"), (0.012_5, "0.0125"), (-2.25, "-2.25"),
        ] as [(Double, String)])
    func `is short, at most nine digits, and whole numbers are exact`(value: Double, text: String) {
        #expect(Numeral.text(value) == text)
    }

    @Test(arguments: [
        "", "nan", "inf", "-inf", "0x10", "1e999", "1,5", "12 ", "--1", "1e", String(repeating: "9", count: 400),
    ])
    func `is refused when it is no finite decimal`(text: String) {
        #expect(Numeral.value(text) == nil)
    }

    @Test func `reads back what was written`() {
        for value in [0, 0.1, -3.25, 1e-9, 6.02214076e23, 4_096, 123_456_789] {
            #expect(Numeral.value(Numeral.text(value)) == value)
        }
    }
}

@Suite struct `A JSON node` {
    @Test func `keeps order, spelling and every character`() throws {
        let node = JSONNode.object([
            .init("z", .number(UInt64.max)), .init("a", .list([.null, .bool(true), .number(0.5)])),
            .init("t", .text("\"\\/\n\u{1}é😀")), .init("e", .object([])), .init("l", .list([])),
        ])
        #expect(node.encoded == #"{"z":18446744073709551615,"a":[null,true,0.5],"t":"\"\\/\n\u0001é😀","e":{},"l":[]}"#)
        #expect(try JSONNode(parsing: node.encoded) == node)
        #expect(try JSONNode(parsing: node.indented) == node)
        #expect(try JSONNode(parsing: #""é😀""#) == .text("é😀"))
        #expect(node["z"]?.unsigned == .max)
    }

    @Test(arguments: [
        "", "{", "{}}", "[1,]", "{\"a\"}", "{\"a\":1,\"a\":2}", "nul", "NaN", "1e999", "\"\\x\"", "\"\\ud800\"", "\"a",
        "\"\u{1}\"", String(repeating: "[", count: 10_000), "{a:1}", "01x",
    ])
    func `is refused when it is malformed`(text: String) {
        #expect(throws: JSONNode.Malformed.self) { try JSONNode(parsing: text) }
    }

    @Test func `is refused at every length but the whole`() throws {
        let whole = #"{"a":[1.5,"xA"],"b":{"c":null}}"#
        for length in 0..<whole.count {
            #expect(throws: JSONNode.Malformed.self) { try JSONNode(parsing: whole.prefix(length)) }
        }
        _ = try JSONNode(parsing: whole)
    }
}
