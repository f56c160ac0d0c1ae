import Foundation
import Plots
import Results
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct `A picture` {
    let gallery: Gallery

    init() throws { gallery = try Gallery() }

    /// All texts of a document that an XML parser accepts.
    private func texts(_ svg: String) throws -> [String] {
        let reader = TextReader()
        let parser = XMLParser(data: Data(svg.utf8))
        parser.delegate = reader
        try #require(parser.parse(), "\(String(describing: parser.parserError))")
        return reader.texts
    }

    @Test(arguments: Picture.allCases.filter { $0 != .sweep })
    func `of one run is valid XML, has its question as title and says which run it is`(picture: Picture) throws {
        let folder = try gallery.hang()
        let texts = try texts(try picture.svg(of: RunCollection(folders: [folder])))
        #expect(texts.contains(Gallery.question))
        let id = Gallery.manifest().runID.description
        #expect(texts.contains { $0.contains(id) && $0.contains("seed 1") })
    }

    @Test(arguments: Picture.allCases) func `has the same bytes each time`(picture: Picture) throws {
        try gallery.hangSweep()
        let runs = try RunCollection(folders: [gallery.path + "/sweep"])
        let again = try RunCollection(folders: [gallery.path + "/sweep"])
        #expect(try picture.svg(of: runs) == picture.svg(of: again))
    }

    @Test(arguments: Picture.allCases) func `has no font, script or picture from elsewhere`(picture: Picture) throws {
        try gallery.hangSweep()
        let svg = try picture.svg(of: RunCollection(folders: [gallery.path + "/sweep"]))
        let elsewhere = svg.replacing("http://www.w3.org/2000/svg", with: "")
        for word in ["http", "href", "<script", "@import", "url(h", "NaN", "nan", "inf\""] {
            #expect(!elsewhere.contains(word), "\(word)")
        }
    }

    @Test func `says what no scheduler can beat, and what it does not show`() throws {
        let runs = try RunCollection(folders: [try gallery.hang()])
        let offload = try texts(try Picture.offload.svg(of: runs))
        #expect(offload.contains("over the whole run, no scheduler above 80 %"))
        #expect(offload.contains { $0.contains("1 of 30 values are below 0 and not shown.") })
        #expect(offload.contains("offload (%)") && offload.contains("time (s)"))
        let copies = try texts(try Picture.copies.svg(of: runs))
        #expect(copies.contains("over the whole run, no scheduler below 1"))
        #expect(copies.contains { $0.contains("Segments that nobody completed are left out.") })
        #expect(try texts(try Picture.delay.svg(of: runs)).contains("no scheduler below 0.25 s"))
    }

    @Test func `of delays marks median and 95th percentile, on either axis`() throws {
        let runs = try RunCollection(folders: [try gallery.hang()])
        var choices = Picture.Choices()
        for axis in Picture.DelayAxis.allCases {
            choices.delayAxis = axis
            let texts = try texts(try Picture.delay.svg(of: runs, choices))
            // A hundred values from 0.02 to 2: a histogram's quantile is at most one percent above.
            #expect(texts.contains { $0.contains("median 1.01 s, 95th 1.91 s") }, "\(texts)")
        }
    }

    @Test func `of several settings has a legend, in the order of their numbers`() throws {
        try gallery.hangSweep()
        let runs = try RunCollection(folders: [gallery.path + "/sweep"], where: [Parameter("viewers", "5")])
        #expect(runs.settings.map(\.label) == ["uplink 2 Mbit/s", "uplink 10 Mbit/s"])
        #expect(runs.settings.map { $0.runs.map(\.manifest.seed) } == [[1, 2, 3], [1, 2, 3]])
        let texts = try texts(try Picture.offload.svg(of: runs))
        #expect(texts.contains("uplink 2 Mbit/s (at most 35 %)"))
        #expect(texts.contains("uplink 10 Mbit/s (at most 85 %)"))
        #expect(texts.contains { $0.contains("6 runs of scenario steady, seeds 1–3") })
    }

    @Test func `of a sweep has the parameter with its unit and says how many runs an interval is of`() throws {
        try gallery.hangSweep()
        let runs = try RunCollection(folders: [gallery.path + "/sweep"])
        var choices = Picture.Choices()
        choices.metric = "offload"
        choices.parameter = "uplink"
        let texts = try texts(try Picture.sweep.svg(of: runs, choices))
        #expect(texts.contains("uplink (Mbit/s)"))
        #expect(texts.contains("viewers 5") && texts.contains("viewers 50"))
        #expect(texts.contains { $0.contains("95 % intervals of the mean (Student), n = 3.") })
    }

    @Test func `of a tree has who got the piece from whom first, by hops`() throws {
        let runs = try RunCollection(folders: [try gallery.hang()])
        let texts = try texts(try Picture.tree.svg(of: runs))
        #expect(texts.contains("hop 3") && !texts.contains("hop 4"))
        #expect(texts.contains("The way of piece 0 of segment 7"))
        #expect(texts.contains { $0.contains("4 viewers in 3 hops, the last 1 s after the origin began to send.") })
        #expect(texts.contains("500 ms") && !texts.contains("750 ms"))
    }

    @Test func `of the tree of a single viewer speaks of one`() throws {
        let folder = try gallery.hang(edges: Array(Gallery.edges.prefix(1)))
        let texts = try texts(try Picture.tree.svg(of: try RunCollection(folders: [folder])))
        #expect(texts.contains { $0.contains("1 viewer in 1 hop, the last 250 ms after") })
    }

    @Test func `of a tree survives circles and viewers without a way`() throws {
        let odd = [(nil, 0), (1, 2), (2, 1), (9, 3), (0, 0)].map { from, to in
            TreeEdge(segment: 7, piece: 0, from: from, to: to, sent: 1, arrived: 2)
        }
        let runs = try RunCollection(folders: [try gallery.hang(edges: odd)])
        let texts = try texts(try Picture.tree.svg(of: runs))
        #expect(texts.contains { $0.contains("3 more have no recorded way from the origin.") })
    }

    @Test func `is refused in one sentence when its data is missing`() throws {
        let folder = try gallery.hang(edges: [])
        let runs = try RunCollection(folders: [folder])
        let tree = try #require(throws: ResultFailure.self) { try Picture.tree.svg(of: runs) }
        #expect(tree.description.hasSuffix("has no edge: nobody got the piece"))
        let sweep = try #require(throws: ResultFailure.self) { try Picture.sweep.svg(of: runs) }
        #expect(sweep.description.contains("differ by nothing but their seeds"))
        try FileManager.default.removeItem(atPath: folder + "/timeseries.csv")
        let time = try #require(throws: ResultFailure.self) { try Picture.offload.svg(of: runs) }
        #expect(time.description == "cannot read \(folder)/timeseries.csv: there is no such file")
        let none = try #require(throws: ResultFailure.self) {
            try RunCollection(folders: [folder], where: [Parameter("viewers", "6")])
        }
        #expect(none.description == "there is no finished run with viewers = 6 in \(folder)")
    }

    @Test func `is refused when it would show more settings than anybody can tell apart`() throws {
        for uplink in 1...8 { try gallery.hang(Gallery.manifest(uplink: "\(uplink) Mbit/s")) }
        let runs = try RunCollection(folders: [gallery.path + "/sweep"])
        let failure = try #require(throws: ResultFailure.self) { try Picture.offload.svg(of: runs) }
        #expect(failure.description.hasPrefix("8 settings are more than one picture can tell apart (7)"))
        _ = try Picture.sweep.svg(of: runs)
    }

    @Test func `takes no half-written run of a sweep for a run`() throws {
        let folder = try gallery.hang()
        try FileManager.default.copyItem(atPath: folder, toPath: folder + ".partial-123")
        #expect(try RunCollection(folders: [gallery.path + "/sweep"]).runs.count == 1)
    }
}

/// Collects the content of text, title and desc elements.
private final class TextReader: NSObject, XMLParserDelegate {
    var texts: [String] = []
    private var current: String?

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        current = ["text", "title", "desc"].contains(name) ? "" : nil
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) { current?.append(text) }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        if let current { texts.append(current) }
        current = nil
    }
}
