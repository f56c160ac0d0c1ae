import Glibc

/// What results need of the file system.
package enum Folder {
    package static func exists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Makes the folder and those above it that are missing.
    package static func make(_ path: String) throws(ResultFailure) {
        if exists(path) { return }
        if let slash = path.dropLast().lastIndex(of: "/"), slash != path.startIndex {
            try make(String(path[..<slash]))
        }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw .unwritable(path, errno) }
        guard exists(path) else { throw .unwritable(path, ENOTDIR) }
    }

    /// The names in a folder, sorted: a directory's own order differs between machines.
    package static func names(in path: String) throws(ResultFailure) -> [String] {
        guard let directory = opendir(path) else { throw .unreadable(path, errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a folder of files, as far as that can be done.
    package static func remove(_ path: String) {
        for name in (try? names(in: path)) ?? [] { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    package static func move(_ source: String, to target: String) throws(ResultFailure) {
        guard rename(source, target) == 0 else { throw .unwritable(target, errno) }
    }

    /// Replaces a file, or leaves the old one as it is.
    package static func replace(_ path: String, with text: String) throws(ResultFailure) {
        let staged = "\(path).partial-\(getpid())"
        do {
            unlink(staged)
            let file = try FileWriter(staged, toBecome: path)
            try file.append(text)
            try file.finish()
            try move(staged, to: path)
        } catch {
            unlink(staged)
            throw error
        }
    }

    /// The whole text of a small file.
    package static func text(of path: String) throws(ResultFailure) -> String {
        let lines = try LineReader(path)
        var text = ""
        while let line = try lines.next() { text += line + "\n" }
        return text
    }
}
