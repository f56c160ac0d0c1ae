import Vocabulary

/// Pieces that we give: whom to serve, in what order, and how much.
extension Swarm {
    /// Pieces handed to the network and not yet gone: enough to keep it busy, few enough to leave a choice.
    private static let sendLimit = 16
    private static let sendLimitPerLink = 8

    mutating func wanted(
        _ link: LinkID, _ segment: SegmentID, _ indices: [Int], at now: Instant, into commands: inout [Command]
    ) {
        guard let neighbor = neighbors[link] else { return }
        let held = segment.rendition == settings.rendition ? progress[segment.sequence]?.held : nil
        var refused: [Int] = []
        for index in indices {
            let piece = PieceID(segment, index)
            guard !neighbor.isChoked, shares, held?.contains(index) == true,
                (neighbors[link]?.wants.count ?? 0) < Limits.wantsPerLink
            else {
                refused.append(index)
                continue
            }
            if !neighbor.wants.contains(piece) { neighbors[link]?.wants.append(piece) }
        }
        if !refused.isEmpty { commands.append(.decline(link, segment, refused)) }
        serve(at: now, into: &commands)
    }

    /// Sends wanted pieces in turn, one a neighbor, so that nobody's long list delays another's short one; of each list
    /// first what was given least often, so that neighbors get different pieces and can help each other.
    mutating func serve(at now: Instant, into commands: inout [Command]) {
        var total = links.reduce(0) { $0 + (neighbors[$1]?.sending ?? 0) }
        var isMoving = true
        while isMoving, total < Self.sendLimit {
            isMoving = false
            for link in links where total < Self.sendLimit {
                guard let neighbor = neighbors[link], neighbor.sending < Self.sendLimitPerLink,
                    let place = neighbor.wants.indices.min(by: { given(neighbor.wants[$0]) < given(neighbor.wants[$1]) }
                    )
                else { continue }
                let piece = neighbor.wants[place]
                isMoving = true
                guard let segment = progress[piece.segment.sequence], segment.held.contains(piece.index) else {
                    neighbors[link]?.wants.remove(at: place)
                    commands.append(.decline(link, piece.segment, [piece.index]))
                    continue
                }
                let bytes = segment.record.range(ofPiece: piece.index).count
                guard budget.spend(bytes, at: now) else { return }
                neighbors[link]?.wants.remove(at: place)
                neighbors[link]?.sending += 1
                neighbors[link]?.sent += bytes
                progress[piece.segment.sequence]?.given[piece.index] &+= 1
                tally.bytesUploaded += bytes
                total += 1
                commands.append(.sendPiece(link, piece))
            }
        }
    }

    private func given(_ piece: PieceID) -> UInt16 { progress[piece.segment.sequence]?.given[piece.index] ?? 0 }

    mutating func sent(_ link: LinkID, _ piece: PieceID, at now: Instant, into commands: inout [Command]) {
        neighbors[link]?.sending -= 1
        serve(at: now, into: &commands)
    }

    /// Serves those who give most, and one more by chance, so that newcomers can show what they have.
    mutating func reviewUpload(at now: Instant, into commands: inout [Command]) {
        guard settings.uploads, shares, Int((now - joined).seconds) % 10 == 0 else { return }
        let ranked = greetedLinks.sorted { a, b in
            let left = neighbors[a]?.received ?? 0
            let right = neighbors[b]?.received ?? 0
            return left == right ? a < b : left > right
        }
        var served = Set(ranked.prefix(settings.uploadSlots))
        if let lucky = ranked.dropFirst(settings.uploadSlots).randomElement(using: &random) { served.insert(lucky) }
        for link in ranked {
            let isServed = served.contains(link)
            guard neighbors[link]?.isChoked == isServed else { continue }
            neighbors[link]?.isChoked = !isServed
            commands.append(isServed ? .unchoke(link) : .choke(link))
            guard !isServed else { continue }
            neighbors[link]?.wants = []
        }
    }
}
