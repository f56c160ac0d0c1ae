/// Max-min fair rates: all flows grow alike, and stop when a link of theirs is full.
package enum ProgressiveFilling {
    /// `flows` names the links that each flow crosses.
    package static func rates(capacities: [Double], flows: [[Int]]) -> [Double] {
        var rates = [Double](repeating: 0, count: flows.count)
        var left = capacities
        var growing = Set(flows.indices)
        while !growing.isEmpty {
            var users = [Int](repeating: 0, count: capacities.count)
            for flow in growing { for link in flows[flow] { users[link] += 1 } }
            let step = left.indices.filter { users[$0] > 0 }.map { left[$0] / Double(users[$0]) }.min() ?? 0
            for flow in growing { rates[flow] += step }
            for link in left.indices { left[link] -= step * Double(users[link]) }
            let full = Set(left.indices.filter { users[$0] > 0 && left[$0] <= 1e-12 * capacities[$0] })
            growing = growing.filter { full.isDisjoint(with: flows[$0]) }
        }
        return rates
    }
}
