/** Draws ranks from 0 on, the first most often: rank r as often as 1 / (r + 1) says (Zipf's law, exponent 1). */
export function zipf(ranks: number, random: () => number): () => number {
  const upTo = new Float64Array(ranks)
  let sum = 0
  for (let rank = 0; rank < ranks; rank++) {
    sum += 1 / (rank + 1)
    upTo[rank] = sum
  }
  return () => {
    const drawn = random() * sum
    let [low, high] = [0, ranks - 1]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((upTo[middle] ?? sum) > drawn) high = middle
      else low = middle + 1
    }
    return low
  }
}
