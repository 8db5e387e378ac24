import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** One figure of a benchmark. Its unit says whether more is better, and whether a faster machine changes it. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: Unit
}

export type Unit = keyof typeof units

/** `speed`: how a machine twice as fast changes the figure: twice, half, or not. */
const units = {
  'events/s': { better: 'more', speed: 1 },
  'records/s': { better: 'more', speed: 1 },
  'users/s': { better: 'more', speed: 1 },
  'requests/s': { better: 'more', speed: 1 },
  's of CPU': { better: 'less', speed: -1 },
  'µs of CPU': { better: 'less', speed: -1 },
  ms: { better: 'less', speed: -1 },
  MB: { better: 'less', speed: 0 },
  bytes: { better: 'less', speed: 0 },
  '×': { better: 'more', speed: 0 },
} as const

/** The figures of a benchmark's newest run that was kept. */
export interface Kept {
  readonly date: string
  /** Sizes and broker. */
  readonly how?: string
  /** What `yardstick` said in the same run. */
  readonly yardstick: number
  readonly figures: readonly Figure[]
}

export type AllKept = Readonly<Record<string, Kept>>

/** A loss of so much, beside the yardstick, is told. */
const LOSS_MAX = 0.25
const file = fileURLToPath(new URL('./kept.json', import.meta.url))

export function readKept(): AllKept {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as AllKept) : {}
}

/** Keeps a benchmark's figures in place of its older ones. */
export function keep(benchmark: string, kept: Kept): void {
  const all = Object.entries({ ...readKept(), [benchmark]: kept }).sort(([one], [other]) =>
    one < other ? -1 : 1,
  )
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`)
}

/** A line for each figure that has lost more than a quarter since a run of the same sizes, the machine's own speed taken out. */
export function losses(before: Kept | undefined, now: Kept): string[] {
  if (before === undefined || before.how !== now.how) return []
  const faster = now.yardstick / before.yardstick
  return now.figures.flatMap(({ name, value, unit }) => {
    const old = before.figures.find(figure => figure.name === name && figure.unit === unit)
    if (old === undefined || old.value === 0 || value === 0) return []
    const { better, speed } = units[unit]
    const expected = old.value * faster ** speed
    const kept = better === 'more' ? value / expected : expected / value
    if (kept >= 1 - LOSS_MAX) return []
    const share = Math.round((1 - kept) * 100)
    return [
      `slower by ${share} %: ${name} is ${round(value)} ${unit}, and was ${round(old.value)} on ${before.date} (${round(expected)} on this machine as it is now)`,
    ]
  })
}

export const round = (value: number): number =>
  Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
