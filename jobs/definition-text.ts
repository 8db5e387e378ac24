import { createHash } from 'node:crypto'

/**
 * A text that two definitions share when they mean the same: keys in order, functions as their source
 * without comments and formatting (what a function calls is not looked into).
 */
export function definitionText(value: unknown): string {
  if (typeof value === 'function') return `function ${withoutFormatting(value.toString())}`
  if (Array.isArray(value)) return `[${value.map(definitionText).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined'
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${definitionText(item)}`).join(',')}}`
}

/** The first characters of a text's SHA-256 in base64url, 6 bits each. */
export function shortHash(text: string, length: number): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, length)
}

// A string in any of the three quotes; \x60 is the back quote.
const literal = String.raw`('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\x60(?:[^\x60\\]|\\.)*\x60)`
const literalOrComment = new RegExp(String.raw`${literal}|//[^\n]*|/\*.*?\*/`, 'gs')
const literalOrBlanks = new RegExp(String.raw`${literal}|((?<=[\w$])\s+(?=[\w$]))|\s+`, 'gs')

/**
 * Strings and templates stay as they are, comments go, and blanks stay only between two words, as one. (A
 * regular expression that contains a quote may be read wrongly, but always in the same way.)
 */
function withoutFormatting(source: string): string {
  return source
    .replace(literalOrComment, (_, text?: string) => text ?? ' ')
    .replace(
      literalOrBlanks,
      (_, text?: string, between?: string) => text ?? (between === undefined ? '' : ' '),
    )
    .trim()
}
