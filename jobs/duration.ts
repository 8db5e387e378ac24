const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

export const durationForm =
  "a whole number and a unit (ms, s, m, h, d or w), such as '30m', '1h' or '7d'"

/** Ms of a duration such as '90s' or '7d'; `undefined` for anything else, and for more than 100 years. */
export function parseDuration(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined
  const match = /^(\d{1,12})(ms|s|m|h|d|w)$/.exec(text)
  if (match === null) return undefined
  const ms = Number(match[1]) * (unitMs[match[2] as string] as number)
  return ms <= 36_525 * 86_400_000 ? ms : undefined
}
