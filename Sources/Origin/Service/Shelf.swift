import Glibc

/// The folder whose folders are broadcasts.
package struct Shelf: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package func folder(of name: String) -> String { "\(path)/\(name)" }

    /// The names of all broadcasts that are to be served, sorted.
    package var names: [String] {
        get throws(DataFolderError) {
            guard let directory = opendir(path) else {
                if errno == ENOENT { return [] }
                throw .system("read", path)
            }
            defer { closedir(directory) }
            return try names(in: directory)
        }
    }

    private func names(in directory: OpaquePointer) throws(DataFolderError) -> [String] {
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else { break }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if KeyRing.isName(name), try Programme.exists(in: folder(of: name)) { names.append(name) }
        }
        guard errno == 0 else { throw .system("read", path) }
        return names.sorted()
    }

    /// The folder of a broadcast that is there.
    package func existing(_ name: String) throws(DataFolderError) -> String {
        guard KeyRing.isName(name), try Programme.exists(in: folder(of: name)) else {
            throw DataFolderError(
                "there is no broadcast named \(name) in \(path): see tributary-origin broadcasts add --help")
        }
        return folder(of: name)
    }

    /// Makes the broadcast's folder and its identity.
    package func add(_ name: String, _ programme: Programme) throws {
        guard KeyRing.isName(name) else {
            throw DataFolderError("\"\(name)\" is no name for a broadcast: use up to 64 of a-z, 0-9 and -")
        }
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw DataFolderError.system("create", path) }
        _ = try DataFolder.key(in: folder(of: name))
        try programme.save(in: folder(of: name))
    }

    /// Tells one state of a file from the next.
    package static func stamp(of path: String) -> [Int] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        return [Int(status.st_ino), Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
    }
}
