/// How a chunk spreads when everybody pushes the newest that they have, by the mean field of Bonald, Massoulié,
/// Mathieu, Perino, Twigg (SIGMETRICS 2008).
package enum PushRecursion {
    /// The share that misses a chunk; a new one comes every `gap` slots; `isUseful` when only those who lack it are sent it.
    package static func missRatio(viewers: Double, gap: Int, isUseful: Bool, slots: Int = 400) -> Double {
        // Chunks are alike, shifted by `gap` slots: r[d] is the share that has a chunk of age d.
        var r = [1 / viewers]
        while r.count < slots {
            let d = r.count - 1
            var sending = r[d]
            var newer = d - gap
            while newer >= 0 {
                sending *= 1 - r[newer]
                newer -= gap
            }
            let lacking = 1 - r[d]
            let hit = lacking <= 0 ? 0 : 1 - Elementary.exp(-(isUseful ? sending / lacking : sending))
            r.append(min(1, r[d] + lacking * hit))
        }
        return 1 - r[r.count - 1]
    }
}
