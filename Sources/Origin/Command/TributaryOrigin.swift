import ArgumentParser
import CommandLine

@main
struct TributaryOrigin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-origin",
        abstract: "Publishes a live source as a signed HLS broadcast that viewers can pass on to each other.",
        discussion: """
            Examples:
              tributary-origin publish --input film.mp4 --loop
              tributary-origin publish --input 'srt://0.0.0.0:9000?mode=listener' --tracker http://127.0.0.1:7070
              ffmpeg ... -f mpegts - | tributary-origin publish --input - --title "Town hall"
              tributary-origin broadcasts add town-hall && tributary-origin keys make town-hall
              tributary-origin serve --rtmp 0.0.0.0:1935
              tributary-origin check http://127.0.0.1:8080/<id>/master.m3u8
              tributary-origin id
            """,
        subcommands: [Publish.self, Serve.self, Broadcasts.self, Keys.self, Check.self, ShowID.self])
}
