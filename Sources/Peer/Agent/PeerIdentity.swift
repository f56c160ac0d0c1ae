package import Integrity
package import Vocabulary

/// Who a peer is for as long as it runs: a fresh key each session, so that sessions cannot be tied together.
package struct PeerIdentity: Sendable {
    package let key: NoiseKey
    package var peer: PeerID { key.peer }

    package init(key: NoiseKey = NoiseKey()) { self.key = key }

    /// What both ends of a link must agree on before they speak.
    static func prologue(_ broadcast: BroadcastID) -> [UInt8] { Array("tributary/1".utf8) + broadcast.key.bytes }
}
