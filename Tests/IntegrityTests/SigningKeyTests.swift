import Foundation
import Integrity
import Testing

@Suite final class `A key file` {
    let folder = FileManager.default.temporaryDirectory.appending(path: "tributary-\(UUID().uuidString)")
    var path: String { folder.appending(path: "key").path }

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    @Test func `is made once, readable by its owner alone, and read again`() throws {
        let made = try SigningKey.load(orMakeAt: path)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try SigningKey.load(orMakeAt: path).broadcast == made.broadcast)
    }

    @Test func `is refused when others can read it`() throws {
        _ = try SigningKey.load(orMakeAt: path)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        let error = #expect(throws: KeyFileError.self) { try SigningKey.load(orMakeAt: path) }
        #expect(error?.description.contains("chmod 600") == true)
    }

    @Test(arguments: ["", "tributary-key-1 ", "tributary-key-1 00\n", "garbage", String(repeating: "x", count: 5_000)])
    func `is refused when it is something else`(text: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        #expect(throws: KeyFileError.self) { try SigningKey.load(orMakeAt: path) }
    }

    @Test func `gives a reason when it cannot be made`() {
        #expect(throws: KeyFileError.self) { try SigningKey.load(orMakeAt: "/nonexistent/folder/key") }
    }
}
