import Foundation
import Stage
import Testing
import Vocabulary

@Suite(.timeLimit(.minutes(4))) struct `OBS Studio` {
    @Test func `streams, is told when its key is revoked, and comes back with a new one`() async throws {
        try await Newsroom.run { newsroom in
            try await newsroom.add("show")
            let (old, new) = (try await newsroom.key(of: "show", "old"), try await newsroom.key(of: "show", "new"))
            try await newsroom.serve()
            let obs = try OBS(in: newsroom.folder)
            do {
                try await obs.stream(to: newsroom.rtmp, key: old)
                try await newsroom.segments(of: "show", atLeast: 4)
                #expect(try await newsroom.complaints(about: "show").isEmpty)
                try await newsroom.command("keys", "revoke", "show", "old")
                try await newsroom.state("held", of: "show")
                await obs.quit()
                let again = try OBS(in: newsroom.folder)
                let count = await newsroom.segments(of: "show")
                do {
                    try await again.stream(to: newsroom.rtmp, key: new)
                    try await newsroom.segments(of: "show", atLeast: count + 3)
                    #expect(try await newsroom.playlist(of: "show").playlist.faults.isEmpty)
                } catch {
                    print("--- obs: \(await again.studio?.complaints.suffix(3_000) ?? "")")
                    await again.quit()
                    throw error
                }
                await again.quit()
            } catch {
                print("--- obs: \(await obs.studio?.complaints.suffix(3_000) ?? "")")
                await obs.quit()
                throw error
            }
        }
    }
}
