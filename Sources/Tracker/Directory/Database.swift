import CSQLite

/// A connection to one SQLite file. Confined to whoever owns it: it takes no lock.
final class Database {
    enum Value: Hashable {
        case integer(Int64)
        case text(String)
        case bytes([UInt8])
        case null
    }

    private var connection: OpaquePointer?
    private var statements: [String: OpaquePointer] = [:]

    /// - Parameter path: ":memory:" for none that lasts.
    init(_ path: String) throws(DirectoryFailure) {
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = sqlite3_open_v2(path, &connection, flags, nil)
        guard code == SQLITE_OK else {
            let failure = failure(code)
            sqlite3_close_v2(connection)
            throw failure
        }
        sqlite3_extended_result_codes(connection, 1)
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(connection)
    }

    /// Several statements without values, one after the other.
    func execute(_ script: String) throws(DirectoryFailure) {
        let code = sqlite3_exec(connection, script, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code) }
    }

    func run(_ sql: String, _ values: [Value] = []) throws(DirectoryFailure) {
        _ = try rows(sql, values) { _ in () }
    }

    func rows<Result>(
        _ sql: String, _ values: [Value] = [], _ read: (Row) -> Result
    ) throws(DirectoryFailure) -> [Result] {
        let statement = try prepare(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (position, value) in values.enumerated() { try bind(value, at: Int32(position + 1), of: statement) }
        var results: [Result] = []
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return results }
            guard code == SQLITE_ROW else { throw failure(code) }
            results.append(read(Row(statement: statement)))
        }
    }

    /// All of what `body` changes, or nothing of it.
    func transaction(_ body: () throws(DirectoryFailure) -> Void) throws(DirectoryFailure) {
        try execute("BEGIN IMMEDIATE")
        do throws(DirectoryFailure) {
            try body()
            try execute("COMMIT")
        } catch {
            // Some failures have ended the transaction already.
            if sqlite3_get_autocommit(connection) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    private func prepare(_ sql: String) throws(DirectoryFailure) -> OpaquePointer? {
        if let known = statements[sql] { return known }
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v2(connection, sql, -1, &statement, nil)
        guard code == SQLITE_OK, let statement else { throw failure(code) }
        statements[sql] = statement
        return statement
    }

    private func bind(_ value: Value, at place: Int32, of statement: OpaquePointer?) throws(DirectoryFailure) {
        let code =
            switch value {
            case .integer(let number): sqlite3_bind_int64(statement, place, number)
            case .text(let text): sqlite_shim_bind_text(statement, place, text, Int32(clamping: text.utf8.count))
            case .bytes(let bytes): sqlite_shim_bind_blob(statement, place, bytes, Int32(clamping: bytes.count))
            case .null: sqlite3_bind_null(statement, place)
            }
        guard code == SQLITE_OK else { throw failure(code) }
    }

    private func failure(_ code: Int32) -> DirectoryFailure {
        let reason = connection.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) }
        return DirectoryFailure(reason: reason ?? String(cString: sqlite3_errstr(code)))
    }
}

/// One row of an answer, while it is being read.
struct Row {
    fileprivate let statement: OpaquePointer?

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }

    func text(_ column: Int32) -> String {
        sqlite3_column_text(statement, column).map { String(cString: $0) } ?? ""
    }

    func bytes(_ column: Int32) -> [UInt8] {
        let count = Int(sqlite3_column_bytes(statement, column))
        guard count > 0, let start = sqlite3_column_blob(statement, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}

/// What the disk or the file did not allow, in SQLite's words.
package struct DirectoryFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package let reason: String

    package var description: String { reason }
}
