import CommandLine
import Logging
import OriginIngest
import OriginMedia
import OriginService
import Vocabulary
import Wire

/// Keeps what is served in step with what is on the shelf: looks at it every second.
actor BroadcastStage {
    private let shelf: Shelf
    private let sites: OriginSites
    private let reception: Reception
    private let surroundings: Broadcast.Surroundings
    private let log: Logger
    private let json: Bool
    private var acts: [String: Act] = [:]
    private var isUnreadable = false

    private struct Act {
        /// `nil` for a broadcast that cannot be served.
        var broadcast: Broadcast?
        var programme: [Int]
        /// `nil` when they could not be read.
        var keys: [Int]?
    }

    init(
        _ shelf: Shelf, _ sites: OriginSites, _ reception: Reception, _ surroundings: Broadcast.Surroundings,
        log: Logger, json: Bool
    ) {
        self.shelf = shelf
        self.sites = sites
        self.reception = reception
        self.surroundings = surroundings
        self.log = log
        self.json = json
    }

    func open() async {
        await look()
        if acts.isEmpty, !isUnreadable {
            log.warning("there is no broadcast in \(shelf.path) yet: tributary-origin broadcasts add NAME")
        }
    }

    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            await look()
        }
    }

    func strike() async {
        await withTaskGroup { group in
            for (name, act) in acts {
                reception.close(name)
                if let broadcast = act.broadcast { group.addTask { await broadcast.stop() } }
            }
        }
        acts = [:]
    }

    private func look() async {
        guard let names else { return }
        for (name, act) in acts where !names.contains(name) { await remove(name, act) }
        for name in names {
            let folder = shelf.folder(of: name)
            let programme = Shelf.stamp(of: folder + "/programme")
            let keys = Shelf.stamp(of: folder + "/stream-keys")
            if let act = acts[name] {
                guard act.programme != programme else {
                    if act.keys != keys, act.broadcast != nil {
                        acts[name]?.keys = changeKeys(of: name, in: folder, isNews: act.keys != nil) ? keys : nil
                    }
                    continue
                }
                await remove(name, act)
            }
            acts[name] = Act(broadcast: begin(name, in: folder), programme: programme, keys: keys)
        }
    }

    /// `nil` when that cannot be told: what is on air stays there.
    private var names: [String]? {
        do {
            let names = try shelf.names
            isUnreadable = false
            return names
        } catch {
            if !isUnreadable { log.error("what is served stays as it is: \(error)") }
            isUnreadable = true
            return nil
        }
    }

    private func begin(_ name: String, in folder: String) -> Broadcast? {
        do {
            let programme = try Programme(in: folder)
            let json = json
            let broadcast = try Broadcast(name, in: DataFolder(folder), programme, surroundings, log: log) { event in
                if json { BroadcastEvents.emit(event, of: name) }
            }
            if programme.input == .encoders {
                reception.open(
                    name, keys: try Self.keys(in: folder), to: broadcast.entrances, policy: programme.secondEncoder)
            }
            sites.add(broadcast)
            announce(broadcast)
            broadcast.start()
            return broadcast
        } catch {
            // The others go on.
            log.error("the broadcast \(name) is not served: \(error)")
            return nil
        }
    }

    private func announce(_ broadcast: Broadcast) {
        guard !json else {
            return Events.emit([
                ("event", "broadcast"), ("name", .string(broadcast.name)),
                ("broadcast", .string("\(broadcast.publication.broadcast)")), ("link", .string(broadcast.link)),
                ("hls", .string(broadcast.hls)),
            ])
        }
        Events.say("\(broadcast.name): tributary-peer watch '\(broadcast.link)'")
        Events.say("\(broadcast.name): \(broadcast.hls)")
    }

    private func remove(_ name: String, _ act: Act) async {
        acts[name] = nil
        reception.close(name)
        guard let broadcast = act.broadcast else { return }
        sites.remove(broadcast)
        await broadcast.stop()
        log.info("the broadcast \(name) is no longer served")
    }

    /// Returns whether they could be read.
    private func changeKeys(of name: String, in folder: String, isNews: Bool) -> Bool {
        do {
            reception.change(try Self.keys(in: folder), of: name)
            return true
        } catch {
            // Rather nobody than somebody whose key may have been revoked.
            if isNews { log.error("nobody can publish to \(name): \(error)") }
            reception.change([], of: name)
            return false
        }
    }

    private static func keys(in folder: String) throws(DataFolderError) -> [Reception.Key] {
        try KeyRing(in: folder).entries.map { Reception.Key(name: $0.name, hash: $0.hash) }
    }
}
