import ArgumentParser
import CommandLine

/// Where encoders come in.
struct IngestOptions: ParsableArguments {
    @Option(help: "Where to take RTMP from encoders; off to take none.")
    var rtmp = "127.0.0.1:1935"

    @Option(help: "Where to take RTMPS, RTMP in TLS, from encoders; needs a certificate.")
    var rtmps: String?

    @Option(help: "A PEM file with the certificate for RTMPS; it is read again when it changes.")
    var certificate: String?

    @Option(help: "A PEM file with the certificate's private key.")
    var privateKey: String?

    @Option(help: "Where to take SRT from encoders, with the stream key as the stream id; off to take none.")
    var srt = "127.0.0.1:9000"

    @Option(help: "A file whose first line is the passphrase with which SRT must be encrypted, 10 to 79 bytes.")
    var srtPassphraseFile: String?

    func validate() throws {
        for (name, text) in [("--rtmp", rtmp), ("--srt", srt), ("--rtmps", rtmps ?? "off")] where text != "off" {
            do { _ = try HostPort(parsing: text) } catch { throw ValidationError("\(name): \(error)") }
        }
        guard (rtmps == nil) == (certificate == nil), (rtmps == nil) == (privateKey == nil) else {
            throw ValidationError("--rtmps, --certificate and --private-key belong together")
        }
    }
}
