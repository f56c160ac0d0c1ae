import CommandLine
import Foundation
import NIOCore
import OriginIngest
import Vocabulary
import WebServer

/// The servers that take what encoders send.
actor Ingest {
    private let reception: Reception
    private let group: any EventLoopGroup
    private var rtmp: RTMPServer?
    private var rtmps: RTMPServer?
    private var srt: SRTServer?
    /// What encoders are to be told.
    private(set) var addresses: [(protocol: String, url: String)] = []

    init(_ reception: Reception, _ group: any EventLoopGroup) {
        self.reception = reception
        self.group = group
    }

    func start(_ options: IngestOptions) async throws {
        if options.rtmp != "off" { rtmp = try await listen(options.rtmp, nil, "rtmp") }
        if let place = options.rtmps, let certificate = options.certificate, let key = options.privateKey {
            rtmps = try await listen(place, TLSIdentity(certificate: certificate, key: key), "rtmps")
        }
        guard options.srt != "off" else { return }
        let place = try HostPort(parsing: options.srt)
        let passphrase = try options.srtPassphraseFile.map { try Self.firstLine(of: $0) }
        do {
            let server = try await SRTServer.start(
                at: SocketAddress(place.host, port: place.port), passphrase: passphrase, reception: reception)
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
                at: SocketAddress(place.host, port: place.port), tls: identity,
                room: min(Limits.encoders, OpenFiles.limit / 16), group: group, reception: reception,
                preparing: AcceptPause.install)
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
