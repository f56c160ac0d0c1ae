import Integrity
package import Vocabulary
import Wire

/// Which broadcasts there are, as their origins have signed it; durable when it has a file.
///
/// A row holds the signed listing itself, and beside it what is searched and sorted by. What is acknowledged has been
/// committed; commits of several origins share one wait for the disk (`together`). An open broadcast that is silent for
/// too long is not listed any more, but remembered for as long as an old listing of it could be replayed.
///
/// Confined to one thread, and blocks it: SQLite waits for the disk.
package final class BroadcastDirectory {
    package struct Settings: Sendable {
        package var broadcasts = 10_000
        /// Broadcasts that one address may have registered, so that no single host can fill the directory.
        package var broadcastsPerAddress = 1_000
        /// After this long without a word an open broadcast is not listed.
        package var silence = Interval.seconds(75)
        package var keepsClosed = Interval.seconds(7 * 86_400)
        /// How far an origin's clock may be from ours; a listing that is older could be an old one, replayed.
        package var clockTolerance = Interval.seconds(3_600)

        package init() {}
    }

    package enum Refusal: String, Error, CaseIterable, Sendable {
        case listingIsOld = "a newer listing is known, or this one"
        case clockIsWrong = "the listing's time is more than an hour from the tracker's"
        case tooManyListings = "too many listings"
        case tooManyFromAddress = "too many listings from this address"
    }

    /// Bumped whenever the tables change in a way that older programs cannot read.
    private static let layout: Int64 = 1
    private static let columns =
        "b.number, b.sealed, b.ended, coalesce(a.viewers, 0), b.change, b.title, b.listed"
    private static let source = "broadcasts b LEFT JOIN audience a ON a.number = b.number"

    private let settings: Settings
    private let database: Database
    private var change: Int64

    /// - Parameters:
    ///   - path: the file, or `nil` for a directory that ends with the process.
    ///   - now: milliseconds of Unix time, as everywhere here.
    package init(_ path: String?, settings: Settings = Settings(), at now: Int64) throws(DirectoryFailure) {
        self.settings = settings
        database = try Database(path ?? ":memory:")
        // Exclusive: a second tracker with the same file fails at once. FULL: a commit outlives a power cut.
        try database.execute(
            """
            PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
            PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 16777216;
            """)
        let version = try database.rows("PRAGMA user_version") { $0.integer(0) }.first ?? 0
        guard version == 0 || version == Self.layout else {
            throw DirectoryFailure(reason: "it was written by another version of this program (layout \(version))")
        }
        let layout = Self.layout
        let database = database
        try database.transaction { () throws(DirectoryFailure) in
            try database.execute(
                """
                CREATE TABLE IF NOT EXISTS broadcasts (
                    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL,
                    time INTEGER NOT NULL, status TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER,
                    title TEXT NOT NULL, address BLOB, heard INTEGER NOT NULL, listed INTEGER NOT NULL,
                    change INTEGER NOT NULL UNIQUE) STRICT;
                CREATE INDEX IF NOT EXISTS by_heard ON broadcasts (heard);
                CREATE INDEX IF NOT EXISTS by_address ON broadcasts (address);
                CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, tokenize = 'trigram');
                CREATE TEMPORARY TABLE audience (number INTEGER PRIMARY KEY, viewers INTEGER NOT NULL) STRICT;
                PRAGMA user_version = \(layout);
                """)
            // While we were away nobody could be heard.
            try database.run("UPDATE broadcasts SET heard = max(heard, ?) WHERE listed", [.integer(now)])
        }
        change = try database.rows("SELECT coalesce(max(change), 0) FROM broadcasts") { $0.integer(0) }.first ?? 0
    }

    /// Performs `body`, and commits all that it has changed or nothing of it.
    package func together(_ body: () -> Void) throws(DirectoryFailure) {
        try database.transaction { () throws(DirectoryFailure) in body() }
    }

    // MARK: Registration

    /// Takes a listing whose signature has been checked; what it changed for viewers, if anything.
    ///
    /// - Parameter address: who sent it; `nil` for another tracker, which has checked it before.
    package func register(
        _ listing: Listing, sealed: [UInt8], from address: [UInt8]?, at now: Int64
    ) throws -> Change? {
        let tolerance = settings.clockTolerance.milliseconds
        if address != nil || listing.status != .closed {
            guard abs(listing.time - now) <= tolerance else { throw Refusal.clockIsWrong }
        }
        let known = try row(of: listing.broadcast)
        if let known {
            guard listing.time > known.entry.listing.time else { throw Refusal.listingIsOld }
        } else {
            try makeRoom(for: address)
        }
        let ended: Int64? =
            listing.status != .closed
            ? nil : known?.entry.listing.status == .closed ? known?.entry.ended : listing.time
        let kind = Self.kind(of: listing, after: known)
        if kind != nil { change += 1 }
        let number = try store(
            listing, sealed, ended: ended, from: address, known: known,
            change: kind == nil ? known?.entry.change ?? change : change, at: now)
        guard let kind, let entry = try row(number: number)?.entry else { return nil }
        return Change(number: entry.change, kind: kind, entry: entry)
    }

    /// `nil` when viewers see no difference: most listings only say that the broadcast goes on.
    private static func kind(of listing: Listing, after known: Found?) -> Change.Kind? {
        guard let known, known.isListed else { return listing.status == .closed ? .closed : .listed }
        var same = listing
        let old = known.entry.listing
        (same.time, same.newest, same.roots) = (old.time, old.newest, old.roots)
        if same == old { return nil }
        return listing.status == .closed && old.status != .closed ? .closed : .changed
    }

    private func store(
        _ listing: Listing, _ sealed: [UInt8], ended: Int64?, from address: [UInt8]?, known: Found?, change: Int64,
        at now: Int64
    ) throws(DirectoryFailure) -> Int64 {
        let title = SearchText.folded(listing.title)
        try database.run(
            """
            INSERT INTO broadcasts (id, sealed, time, status, started, ended, title, address, heard, listed, change)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10)
            ON CONFLICT (id) DO UPDATE SET sealed = ?2, time = ?3, status = ?4, started = ?5, ended = ?6, title = ?7,
                address = coalesce(?8, address), heard = ?9, listed = 1, change = ?10
            """,
            [
                .bytes(listing.broadcast.key.bytes), .bytes(sealed), .integer(listing.time),
                .text(listing.status.rawValue), .integer(listing.started), ended.map { .integer($0) } ?? .null,
                .text(title), address.map { .bytes($0) } ?? .null, .integer(now), .integer(change),
            ])
        let id: [Database.Value] = [.bytes(listing.broadcast.key.bytes)]
        let number = try database.rows("SELECT number FROM broadcasts WHERE id = ?", id) { $0.integer(0) }.first ?? 0
        let text = Self.words(of: listing)
        if known.map({ Self.words(of: $0.entry.listing) }) != text {
            try database.run("DELETE FROM words WHERE rowid = ?", [.integer(number)])
            try database.run("INSERT INTO words (rowid, text) VALUES (?, ?)", [.integer(number), .text(text)])
        }
        return number
    }

    private static func words(of listing: Listing) -> String {
        SearchText.folded(
            ([listing.title, listing.details.description] + listing.details.tags).joined(separator: "\n"))
    }

    /// When the directory is full, what is over and was heard of longest ago goes first; what is on stays.
    private func makeRoom(for address: [UInt8]?) throws {
        if let address {
            let count =
                try database.rows(
                    "SELECT count(*) FROM broadcasts WHERE address = ?", [.bytes(address)]
                ) { Int($0.integer(0)) }.first ?? 0
            guard count < settings.broadcastsPerAddress else { throw Refusal.tooManyFromAddress }
        }
        guard try count >= settings.broadcasts else { return }
        let oldest = try database.rows(
            "SELECT number FROM broadcasts WHERE status = 'CLOSED' OR NOT listed ORDER BY heard LIMIT 1"
        ) { $0.integer(0) }
        guard let oldest = oldest.first else { throw Refusal.tooManyListings }
        try remove(oldest)
    }

    private func remove(_ number: Int64) throws(DirectoryFailure) {
        for table in ["broadcasts WHERE number", "words WHERE rowid", "audience WHERE number"] {
            try database.run("DELETE FROM \(table) = ?", [.integer(number)])
        }
    }

    // MARK: Time

    /// Stops listing open broadcasts that have been silent, forgets what need not be remembered, and tells what has
    /// changed for viewers and what has been forgotten.
    package func sweep(at now: Int64) throws(DirectoryFailure) -> (changes: [Change], forgotten: [BroadcastID]) {
        var changes: [Change] = []
        let silent = try database.rows(
            "SELECT number FROM broadcasts WHERE heard < ? AND listed AND status <> 'CLOSED' LIMIT 1000",
            [.integer(now - settings.silence.milliseconds)]
        ) { $0.integer(0) }
        for number in silent {
            change += 1
            try database.run(
                "UPDATE broadcasts SET listed = 0, change = ? WHERE number = ?", [.integer(change), .integer(number)])
            guard let found = try row(number: number) else { continue }
            changes.append(Change(number: change, kind: .gone, entry: found.entry))
        }
        // Twice the tolerance: an origin's clock may be as far ahead of ours as it may be behind.
        let forgotten = try database.rows(
            """
            SELECT number, id FROM broadcasts
            WHERE heard < ?1 AND status = 'CLOSED' OR heard < ?2 AND NOT listed LIMIT 1000
            """,
            [
                .integer(now - settings.keepsClosed.milliseconds),
                .integer(now - 2 * settings.clockTolerance.milliseconds),
            ]
        ) { ($0.integer(0), Word256($0.bytes(1))) }
        for (number, _) in forgotten { try remove(number) }
        return (changes, forgotten.compactMap { $0.1.map { BroadcastID($0) } })
    }

    /// How many watch what, at all trackers together; broadcasts that are not named have nobody.
    package func setViewers(_ viewers: [BroadcastID: Int]) throws(DirectoryFailure) {
        try database.run("DELETE FROM audience")
        for (broadcast, count) in viewers {
            try database.run(
                "INSERT INTO audience (number, viewers) SELECT number, ? FROM broadcasts WHERE id = ?",
                [.integer(Int64(count)), .bytes(broadcast.key.bytes)])
        }
    }

    // MARK: Questions

    package var count: Int {
        get throws(DirectoryFailure) {
            try database.rows("SELECT count(*) FROM broadcasts") { Int($0.integer(0)) }.first ?? 0
        }
    }

    package func entry(_ broadcast: BroadcastID) throws(DirectoryFailure) -> Entry? {
        guard let found = try row(of: broadcast), found.isListed else { return nil }
        return found.entry
    }

    package func find(_ question: Question) throws(DirectoryFailure) -> Page {
        var conditions = ["b.listed"]
        var values: [Database.Value] = []
        if let status = question.status {
            conditions.append("b.status = ?")
            values.append(.text(status.rawValue))
        }
        let words = SearchText.words(question.query)
        let phrases = words.compactMap(SearchText.phrase)
        if !phrases.isEmpty {
            conditions.append("b.number IN (SELECT rowid FROM words WHERE words MATCH ?)")
            values.append(.text(phrases.joined(separator: " ")))
        }
        for word in words where SearchText.phrase(word) == nil {
            conditions.append("EXISTS (SELECT 1 FROM words w WHERE w.rowid = b.number AND instr(w.text, ?) > 0)")
            values.append(.text(word))
        }
        let (key, direction) = Self.sorting(question.order)
        if let cursor = question.after {
            let last: Database.Value = question.order == .title ? .text(cursor.title) : .integer(cursor.key)
            conditions.append("(\(key) \(direction == "DESC" ? "<" : ">") ? OR \(key) = ? AND b.number > ?)")
            values += [last, last, .integer(cursor.number)]
        }
        let found = try database.rows(
            """
            SELECT \(Self.columns) FROM \(Self.source) WHERE \(conditions.joined(separator: " AND "))
            ORDER BY \(key) \(direction), b.number LIMIT \(question.limit + 1)
            """, values, Self.read)
        let page = found.compactMap { $0 }.prefix(question.limit)
        guard found.count > question.limit, let last = page.last else {
            return Page(entries: page.map(\.entry), next: nil)
        }
        let cursor = Cursor(
            order: question.order,
            key: question.order == .viewers ? Int64(last.entry.viewers) : last.entry.listing.started,
            title: question.order == .title ? last.title : "", number: last.number)
        return Page(entries: page.map(\.entry), next: cursor)
    }

    private static func sorting(_ order: Question.Order) -> (key: String, direction: String) {
        switch order {
        case .viewers: ("coalesce(a.viewers, 0)", "DESC")
        case .started: ("b.started", "DESC")
        case .title: ("b.title", "ASC")
        }
    }

    /// What has happened since the change of that number, the oldest first; of each broadcast only the last.
    package func changes(after number: Int64, limit: Int) throws(DirectoryFailure) -> [Change] {
        try database.rows(
            """
            SELECT \(Self.columns) FROM \(Self.source) WHERE b.change > ? ORDER BY b.change LIMIT ?
            """, [.integer(number), .integer(Int64(limit))], Self.read
        ).compactMap { found in
            guard let found else { return nil }
            let kind: Change.Kind =
                !found.isListed ? .gone : found.entry.listing.status == .closed ? .closed : .changed
            return Change(number: found.entry.change, kind: kind, entry: found.entry)
        }
    }

    /// The number of the last change that there was.
    package var lastChange: Int64 { change }

    /// Every listed broadcast.
    package func everything() throws(DirectoryFailure) -> [Entry] {
        try database.rows("SELECT \(Self.columns) FROM \(Self.source) WHERE b.listed", [], Self.read)
            .compactMap { $0?.entry }
    }

    // MARK: Rows

    private struct Found {
        var number: Int64
        var entry: Entry
        var title: String
        var isListed: Bool
    }

    private func row(of broadcast: BroadcastID) throws(DirectoryFailure) -> Found? {
        try database.rows(
            "SELECT \(Self.columns) FROM \(Self.source) WHERE b.id = ?",
            [.bytes(broadcast.key.bytes)], Self.read
        ).first ?? nil
    }

    private func row(number: Int64) throws(DirectoryFailure) -> Found? {
        try database.rows(
            "SELECT \(Self.columns) FROM \(Self.source) WHERE b.number = ?", [.integer(number)], Self.read
        ).first ?? nil
    }

    /// `nil` for a row that an operator has broken by hand.
    private static func read(_ row: Row) -> Found? {
        let sealed = row.bytes(1)
        guard let listing = try? Listing(bencoded: Array(sealed.dropFirst(Envelope.signatureLength))) else {
            return nil
        }
        return Found(
            number: row.integer(0),
            entry: Entry(
                listing: listing, sealed: sealed, ended: row.isNull(2) ? nil : row.integer(2),
                viewers: Int(row.integer(3)), change: row.integer(4)),
            title: row.text(5), isListed: row.integer(6) != 0)
    }
}
