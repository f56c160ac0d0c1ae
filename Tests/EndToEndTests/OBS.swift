import Foundation
import Stage
import Vocabulary

/// A real OBS Studio that streams one coloured scene, in a home of its own on a display that nobody sees.
actor OBS {
    private let home: String
    private let display: Program
    private var number = ""
    private(set) var studio: Program?

    /// - Parameter folder: where its home is made; whoever made the folder removes it.
    init(in folder: String) throws {
        home = "\(folder)/obs-home"
        // It takes the first display that is free and writes its number.
        display = try Program("Xvfb", ["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"])
    }

    /// Presses "Start streaming" at once.
    func stream(to server: String, key: String) async throws {
        try await wait(for: "a display", within: .seconds(30)) { self.display.output.last == UInt8(ascii: "\n") }
        number = String(decoding: display.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        try write(server, key)
        studio = try Program(
            "/usr/bin/env",
            [
                "HOME=\(home)", "XDG_CONFIG_HOME=\(home)/.config", "XDG_RUNTIME_DIR=\(home)", "DISPLAY=:\(number)",
                "LIBGL_ALWAYS_SOFTWARE=1", "QT_QPA_PLATFORM=xcb", "obs", "--startstreaming", "--minimize-to-tray",
                "--multi", "--disable-updater", "--profile", "Untitled", "--collection", "Untitled",
            ], name: "obs")
    }

    /// OBS ends its stream in order when it is asked to quit.
    func quit() async {
        studio?.signal(SIGINT)
        _ = try? await studio?.ended(within: .seconds(10))
        await studio?.stop()
        await display.stop()
    }

    private func write(_ server: String, _ key: String) throws {
        let folder = "\(home)/.config/obs-studio"
        let files = [
            "global.ini": """
            [General]
            FirstRun=true
            EnableAutoUpdates=false
            [Basic]
            Profile=Untitled
            ProfileDir=Untitled
            SceneCollection=Untitled
            SceneCollectionFile=Untitled
            [BasicWindow]
            WarnBeforeStartingStream=false
            [OBSWebSocket]
            FirstLoad=false
            ServerEnabled=false

            """,
            "basic/profiles/Untitled/basic.ini": """
            [General]
            Name=Untitled
            [Output]
            Mode=Simple
            Reconnect=true
            RetryDelay=1
            [SimpleOutput]
            VBitrate=600
            ABitrate=96
            StreamEncoder=x264
            Preset=ultrafast
            UseAdvanced=true
            x264Settings=keyint=30
            [Video]
            BaseCX=320
            BaseCY=180
            OutputCX=320
            OutputCY=180
            FPSType=0
            FPSCommon=30
            [Audio]
            SampleRate=48000
            ChannelSetup=Stereo

            """,
            "basic/profiles/Untitled/service.json":
                #"{"settings":{"bwtest":false,"key":"\#(key)","server":"\#(server)","use_auth":false},"type":"rtmp_custom"}"#,
            "basic/scenes/Untitled.json": #"""
            {"current_scene":"Scene","current_program_scene":"Scene","name":"Untitled","scene_order":[{"name":"Scene"}],
             "sources":[
              {"name":"Scene","id":"scene","versioned_id":"scene","settings":{"custom_size":false,"id_counter":1,
               "items":[{"name":"Colour","id":1,"visible":true,"pos":{"x":0.0,"y":0.0},"scale":{"x":1.0,"y":1.0},
                "align":5,"bounds_type":0,"rot":0.0}]}},
              {"name":"Colour","id":"color_source","versioned_id":"color_source_v3",
               "settings":{"color":4281545523,"width":320,"height":180}}]}
            """#,
        ]
        for (name, text) in files {
            let path = URL(fileURLWithPath: "\(folder)/\(name)")
            try FileManager.default.createDirectory(
                at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: path)
        }
    }
}
