import CommandLine
import Foundation
import NIOCore
import OriginIngest

/// The servers that take what encoders send.
actor Ingest {
    private let reception: Reception
    private let group: any EventLoopGroup
    private var rtmp: RTMPServer?
    private var rtmps: RTMPServer?
    private var srt: SRTServer?
    /// What encoders are to be told.
    private(set) var addresses: [(protocol: String, url: String)] = []

    struct Secure: Sendable {
        var place: String
        var certificate: String
        var key: String
    }

    init(_ reception: Reception, _ group: any EventLoopGroup) {
        self.reception = reception
        self.group = group
    }

    func start(rtmp rtmpText: String, secure: Secure?, srt srtText: String, srtPassphraseFile: String?) async throws {
        if rtmpText != "off" { rtmp = try await listen(rtmpText, nil, "rtmp") }
        if let secure {
            rtmps = try await listen(
                secure.place, TLSIdentity(certificate: secure.certificate, key: secure.key), "rtmps")
        }
        guard srtText != "off" else { return }
        let place = try HostPort(parsing: srtText)
        let passphrase = try srtPassphraseFile.map { try Self.firstLine(of: $0) }
        do {
            let server = try await SRTServer.start(
                host: place.host, port: place.port, passphrase: passphrase, reception: reception)
            srt = server
            addresses.append(("srt", "srt://\(OriginAddresses.reachable(place, port: server.port))"))
        } catch {
            throw Complaint("cannot take SRT at \(place): \(error)")
        }
    }

    private func listen(_ text: String, _ identity: TLSIdentity?, _ scheme: String) async throws -> RTMPServer {
        let place = try HostPort(parsing: text)
        do {
            let server = try await RTMPServer.start(
                host: place.host, port: place.port, tls: identity, group: group, reception: reception)
            addresses.append((scheme, "\(scheme)://\(OriginAddresses.reachable(place, port: server.port))/live"))
            return server
        } catch {
            throw Complaint(binding: "\(place) for \(scheme.uppercased())", error)
        }
    }

    func stop() async {
        await rtmp?.stop()
        await rtmps?.stop()
        await srt?.stop()
    }

    private static func firstLine(of path: String) throws(Complaint) -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let line = text.split(separator: "\n").first
        else { throw Complaint("cannot read a passphrase from \(path)") }
        return String(line)
    }
}
