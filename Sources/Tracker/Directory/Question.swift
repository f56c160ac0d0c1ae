package import Vocabulary
import Wire

/// What somebody asks the directory for.
package struct Question: Hashable, Sendable {
    package enum Order: String, CaseIterable, Sendable {
        /// Most viewers first.
        case viewers
        /// Those that began last first.
        case started
        /// By title.
        case title
    }

    package var query = ""
    package var status: Listing.Status?
    package var order = Order.viewers
    package var after: Cursor?
    package var limit = 100

    package init() {}
}

/// Where a page ends and the next begins. It names the last broadcast's place in the order, not a number of rows, so
/// that what comes and goes meanwhile neither repeats nor skips any other.
package struct Cursor: Hashable, Sendable {
    package var order: Question.Order
    /// The viewers or the starting time of the last broadcast; 0 when the order is by title.
    var key: Int64
    var title: String
    var number: Int64

    /// What a client sends back as it was given.
    package var text: String {
        let parts: [Bencode] = [.text(order.rawValue), .integer(key), .text(title), .integer(number)]
        return Hexadecimal.encode(Bencode.list(parts).encoded)
    }

    init(order: Question.Order, key: Int64, title: String, number: Int64) {
        self.order = order
        self.key = key
        self.title = title
        self.number = number
    }

    package init?(_ text: String) {
        guard text.utf8.count <= 4 * Limits.titleLength, let bytes = Hexadecimal.decode(text),
            case .list(let parts)? = try? Bencode(parsing: bytes), parts.count == 4,
            case (.bytes(let name), .integer(let key), .bytes(let title), .integer(let number)) =
                (parts[0], parts[1], parts[2], parts[3]),
            let order = Question.Order(rawValue: String(decoding: name, as: UTF8.self)),
            let title = String(validating: title, as: UTF8.self)
        else { return nil }
        self.init(order: order, key: key, title: title, number: number)
    }
}

package struct Page: Sendable {
    package var entries: [Entry]
    package var next: Cursor?
}
