import { isLoopback } from './listen.ts'

/**
 * Whether a browser's page may use a key. An entry is `https://shop.example` (that one), `https://*.shop.example`
 * (each below it), either with `:8443` or `:*` for ports, or `loopback` (any page of this machine). Pages without
 * an origin of their own (`null`: files, sandboxed frames) are allowed by none.
 *
 * @param entries each without an `originFault`
 */
export function originRule(entries: readonly string[]): (origin: string) => boolean {
  const patterns = entries.filter(entry => entry !== 'loopback').map(patternOf)
  const loopback = entries.includes('loopback')
  return origin => {
    if (origin.length > ORIGIN_CHARS_MAX) return false
    if (loopback && isLoopbackOrigin(origin)) return true
    return patterns.some(pattern => pattern.test(origin))
  }
}

const ORIGIN_CHARS_MAX = 300
const ENTRY = /^([a-z][a-z0-9+.-]*:\/\/)(\*\.)?([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:(\d{1,5}|\*))?$/

/** What is expected where `entry` is no origin. */
export function originFault(entry: string): string | undefined {
  if (entry === 'loopback' || (entry.length <= ORIGIN_CHARS_MAX && ENTRY.test(entry)))
    return undefined
  return 'an origin in small letters and without a path, such as https://shop.example or https://*.shop.example'
}

export function isLoopbackOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname.replaceAll(/^\[|\]$/g, ''))
}

function patternOf(entry: string): RegExp {
  const [, scheme = '', wildcard, host = '', , port] = ENTRY.exec(entry) ?? []
  const below = wildcard === undefined ? '' : '(?:[a-z0-9_-]+\\.)+'
  const usual = (scheme === 'https://' && port === '443') || (scheme === 'http://' && port === '80')
  const ports =
    port === undefined || usual ? '' : port === '*' ? '(?::\\d{1,5})?' : `:${escaped(port)}`
  return new RegExp(`^${escaped(scheme)}${below}${escaped(host)}${ports}$`)
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
