import CommandLine
import Testing

@Suite struct `A configuration` {
    private func read(
        typed: [String: [String]] = [:], environment: [String: String] = [:], file: String = ""
    ) throws(Complaint) -> Configuration {
        try Configuration(
            names: ["listen", "data", "open", "max-peers"], typed: typed, environment: environment, prefix: "T_",
            file: ("t.conf", file))
    }

    @Test func `takes what is typed over the environment, and that over the file`() throws {
        let file =
            "# a comment\n\nmax-peers = 1\r\n  data =  /var/lib/a = b \nlisten = 127.0.0.1:1, [::1]:2\nlisten=a:3"
        let all = try read(file: file)
        #expect(try all.number("max-peers", in: 0...9) == 1)
        #expect(try all.text("data") == "/var/lib/a = b")
        #expect(try all.places("listen", default: "a:1").map(\.description) == ["127.0.0.1:1", "[::1]:2", "a:3"])
        #expect(try all.flag("open") == false)
        let some = try read(environment: ["T_MAX_PEERS": "2", "T_OPEN": "Yes", "OTHER": "x"], file: file)
        #expect(try some.number("max-peers", in: 0...9) == 2)
        #expect(try some.flag("open"))
        let typed = try read(typed: ["max-peers": ["3"], "open": []], environment: ["T_MAX_PEERS": "2"], file: file)
        #expect(try typed.number("max-peers", in: 0...9) == 3)
        #expect(try typed.places("none", default: "a:1").map(\.description) == ["a:1"])
    }

    @Test(arguments: [
        ("max-piers = 3", "t.conf:1: there is no setting \"max-piers\""),
        ("\n# x\nmax-peers", "t.conf:3: a line is written \"name = value\""),
        ("= 3", "t.conf:1: there is no setting \"\""),
        ("max-peers = 10", "t.conf:1: \"max-peers\" is a number from 0 to 9, not \"10\""),
        ("max-peers = 3x", "t.conf:1: \"max-peers\" is a number from 0 to 9, not \"3x\""),
        ("max-peers = 99999999999999999999", "t.conf:1: \"max-peers\" is a number from 0 to 9"),
        ("max-peers =", "t.conf:1: \"max-peers\" has no value"),
        ("max-peers = 1\nmax-peers = 2", "t.conf:2: \"max-peers\" can have one value only"),
        ("open = perhaps", "t.conf:1: \"open\" is yes or no, not \"perhaps\""),
        ("listen = 127.0.0.1:1,", "t.conf:1: \"\" is no address"),
        ("listen = nowhere", "t.conf:1: \"nowhere\" is no address"),
    ])
    func `names the line of a mistake`(file: String, complaint: String) {
        let mistake = #expect(throws: Complaint.self) {
            let all = try read(file: file)
            _ = try all.number("max-peers", in: 0...9)
            _ = try all.flag("open")
            _ = try all.places("listen", default: "a:1")
        }
        #expect(mistake?.message.hasPrefix(complaint) == true, "\(mistake?.message ?? "")")
        #expect(mistake?.exitCode == Complaint.usage)
    }

    @Test func `names a variable that is not known`() {
        let mistake = #expect(throws: Complaint.self) { try read(environment: ["T_MAX_PIERS": "1"]) }
        #expect(mistake?.message == "the environment variable T_MAX_PIERS: there is no such setting")
    }
}
