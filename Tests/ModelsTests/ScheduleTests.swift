import Models
import Testing
import Vocabulary

@Suite struct `An audit of transfers` {
    @Test func `notes whoever sends or receives twice, or sends what it lacks`() {
        var audit = TransferAudit(nodes: 4, receptions: 1)
        audit.send(1, from: 0, to: 1)
        audit.send(2, from: 0, to: 1)
        audit.send(7, from: 3, to: 2)
        audit.endSlot()
        #expect(
            audit.breaches == [
                .sentTwice(node: 0), .receivedTwice(node: 1), .sentWithoutHaving(node: 3, chunk: 7),
            ])
        audit.send(1, from: 1, to: 2)
        audit.endSlot()
        #expect(audit.breaches.count == 3)
        #expect(audit.arrivals[1] == [1, 2])
    }
}

@Suite struct `A network` {
    @Test func `broadcasts as fast as its smallest cut`() {
        let network = Network(edges: [(0, 1, 2), (0, 2, 1), (1, 2, 1), (2, 1, 1), (1, 3, 1), (2, 3, 2)])
        #expect((1...3).map { network.maximumFlow(to: $0) } == [3, 2, 3])
        #expect(network.broadcastRate == 2)
    }

    @Test func `carries the sub-streams that the highest rate needs`() {
        let uplinks = [0.0, 1, 2, 3]
        let rate = SubStreams.highestRate(origin: 2, uplinks: uplinks)
        #expect((rate - 2).magnitude < 1e-9)
        #expect((SubStreams(rate: 2, uplinks: uplinks).network.broadcastRate - 2).magnitude < 1e-9)
    }
}

@Suite struct `A picked graph` {
    @Test func `joins both ends and picks nobody twice`() {
        var random = Randomness(seed: 5)
        let graph = PickedGraph(nodes: 50, picks: 4, random: &random)
        for (node, neighbors) in graph.neighbors.enumerated() {
            #expect(Set(neighbors).count == neighbors.count)
            #expect(!neighbors.contains(node))
            for neighbor in neighbors { #expect(graph.neighbors[neighbor].contains(node)) }
        }
        #expect(graph.picked.reduce(0, +) == 200)
    }
}

@Suite struct `Flows that share links` {
    @Test func `get max-min fair rates`() {
        let rates = ProgressiveFilling.rates(capacities: [10, 4], flows: [[0], [0, 1], [1], [1]])
        #expect(
            rates.map { ($0 * 1e9).rounded() / 1e9 } == [8.666_666_667, 1.333_333_333, 1.333_333_333, 1.333_333_333])
    }
}
