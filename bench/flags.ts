/** What a crash may do to the outputs. */
export type Guarantee = 'exactly-once' | 'at-least-once'

export function guaranteeFlag(text: string): Guarantee {
  if (text === 'exactly-once' || text === 'at-least-once') return text
  throw new Error(`--mode is exactly-once or at-least-once, not ${text}`)
}

export function wholeFlag(flag: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`${flag} is a whole number above 0, not ${text}`)
}

export type Size = 'small' | 'large'

export function sizeFlag(text: string): Size {
  if (text === 'small' || text === 'large') return text
  throw new Error(`--size is small or large, not ${text}`)
}
