import Foundation
import Stage

/// A folder that belongs to this process; what a killed one has left is removed by the next.
enum TemporaryFolder {
    private static let prefix = "tributary-lab-"
    private static var place: String { NSTemporaryDirectory() }

    static func make() throws -> String {
        removeLeftovers()
        var template = Array("\(place)/\(prefix)\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Program.Failure(description: "no temporary folder: \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func remove(_ folder: String) { try? FileManager.default.removeItem(atPath: folder) }

    private static func removeLeftovers() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? [] where name.hasPrefix(prefix) {
            guard let pid = name.dropFirst(prefix.count).split(separator: "-").first.flatMap({ Int32($0) }),
                kill(pid, 0) != 0, errno == ESRCH
            else { continue }
            remove("\(place)/\(name)")
        }
    }
}
