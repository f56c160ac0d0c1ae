import Glibc
package import OriginCore
package import OriginMedia
package import Vocabulary

/// What the operator has decided about one broadcast: the file `programme` of its data folder, `name = value` lines.
package struct Programme: Hashable, Sendable {
    package var title: String
    /// What viewers read in a tracker's directory besides the title.
    package var details = Listing.Details()
    package var input = MediaInput.encoders
    /// Inputs that are smaller renditions of the input, made beside it.
    package var renditions: [MediaInput] = []
    package var isLooping = false
    /// What is shown while no encoder is there.
    package var slate: String?
    /// Seconds for which the broadcast is held open for an encoder that is gone.
    package var grace = 60.0
    package var segmentDuration = 2.0
    package var container = Container.ts
    package var ladder = LadderWish.standard
    package var secondEncoder = OnAir.Policy.takeOver

    package init(title: String) { self.title = title }

    private static let fileName = "/programme"

    /// Throws when that cannot be told.
    package static func exists(in folder: String) throws(DataFolderError) -> Bool {
        if access(folder + fileName, F_OK) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw .system("look for", folder + fileName) }
        return false
    }

    package init(in folder: String) throws(DataFolderError) {
        let path = folder + Self.fileName
        guard let bytes = DurableFile.read(path, limit: 64 << 10) else { throw .system("read", path) }
        self.init(title: folder.split(separator: "/").last.map(String.init) ?? "Live")
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let pair = line.split(separator: "=", maxSplits: 1).map { $0.trimmed }
            if line.trimmed.isEmpty || line.hasPrefix("#") { continue }
            guard pair.count == 2 else { throw DataFolderError("\(path) has the line \"\(line)\": write name = value") }
            try set(pair[0], pair[1], path)
        }
        guard renditions.allSatisfy({ $0.kind == input.kind }), renditions.count <= Limits.renditions - 2 else {
            throw DataFolderError(
                "\(path): up to \(Limits.renditions - 2) renditions may be given, all files, addresses or encoders as the input is"
            )
        }
        if let mistake = details.mistake { throw DataFolderError("\(path): \(mistake)") }
    }

    private static func input(_ text: String) -> MediaInput { text == "encoders" ? .encoders : MediaInput(text) }

    private static func word(for input: MediaInput) -> String { input == .encoders ? "encoders" : input.text }

    private mutating func set(_ name: String, _ value: String, _ path: String) throws(DataFolderError) {
        func number(_ range: ClosedRange<Double>) throws(DataFolderError) -> Double {
            guard let number = Double(value), range.contains(number) else {
                throw DataFolderError(
                    "\(path): \(name) must be from \(range.lowerBound) to \(range.upperBound) seconds")
            }
            return number
        }
        switch name {
        case "title":
            guard value.utf8.count <= Limits.titleLength else {
                throw DataFolderError("\(path): the title is longer than \(Limits.titleLength) bytes")
            }
            title = value
        case "description": details.description = value
        case "tag": details.tags.append(value)
        case "language": details.language = value
        case "thumbnail": details.thumbnail = value
        case "input": input = Self.input(value)
        case "rendition": renditions.append(Self.input(value))
        case "loop": isLooping = value == "yes"
        case "slate": slate = value.isEmpty ? nil : value
        case "grace": grace = try number(0...86_400)
        case "segment-duration": segmentDuration = try number(0.5...30)
        case "container":
            guard let wish = Container(rawValue: value) else {
                throw DataFolderError("\(path): container must be ts or cmaf")
            }
            container = wish
        case "ladder":
            guard let wish = LadderWish(value) else {
                throw DataFolderError("\(path): ladder must be a list such as 720p,480p,audio, or none")
            }
            ladder = wish
        case "second-encoder":
            guard let policy = OnAir.Policy(rawValue: value) else {
                throw DataFolderError("\(path): second-encoder must be take-over or refuse")
            }
            secondEncoder = policy
        default: throw DataFolderError("\(path) has the unknown name \(name)")
        }
    }

    package func save(in folder: String) throws(DataFolderError) {
        let lines =
            [
                "title = \(title)", "description = \(details.description)", "language = \(details.language)",
                "thumbnail = \(details.thumbnail)", "input = \(Self.word(for: input))",
            ] + details.tags.map { "tag = \($0)" } + renditions.map { "rendition = \(Self.word(for: $0))" } + [
                "loop = \(isLooping ? "yes" : "no")", "slate = \(slate ?? "")", "grace = \(grace)",
                "segment-duration = \(segmentDuration)", "container = \(container.rawValue)", "ladder = \(ladder)",
                "second-encoder = \(secondEncoder.rawValue)",
            ]
        try DurableFile.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: folder + Self.fileName)
    }

    /// It is no longer served; key, journal and stream keys stay.
    package static func remove(in folder: String) throws(DataFolderError) {
        guard unlink(folder + fileName) == 0 else { throw .system("remove", folder + fileName) }
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        var rest = Substring(self)
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest.drop { $0.isWhitespace })
    }
}
