/**
 * Draws ranks from 0 on, the first most often: rank r as often as 1 / (r + 1) says (Zipf's law, exponent 1), by
 * rejection-inversion (Hörmann, Derflinger 1996), which needs no table however many ranks there are.
 */
export function zipf(ranks: number, random: () => number): () => number {
  const low = Math.log(1.5) - 1
  const high = Math.log(ranks + 0.5)
  const sure = 2 - Math.exp(Math.log(2.5) - 1 / 2)
  return () => {
    for (;;) {
      const drawn = high + random() * (low - high)
      const point = Math.exp(drawn)
      const rank = Math.min(ranks, Math.max(1, Math.round(point)))
      if (rank - point <= sure || drawn >= Math.log(rank + 0.5) - 1 / rank) return rank - 1
    }
  }
}
