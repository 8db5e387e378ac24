import { createRequire } from 'node:module'
import type Bowser from 'bowser'
import type * as Isbot from 'isbot'

/** What a user agent says about its device. */
export interface Device {
  /**
   * `email-proxy`: a mail provider fetched an image, and nothing is known of the reader's device. `bot`: a crawler, a
   * link scanner, a library. `unknown`: none of these, such as a television or a game console.
   */
  readonly kind: 'mobile' | 'tablet' | 'desktop' | 'bot' | 'email-proxy' | 'unknown'
  readonly os: 'ios' | 'android' | 'windows' | 'macos' | 'linux' | 'chromeos' | 'other' | 'unknown'
}

/** Longer ones are cut: what names the device comes first. */
const charsMax = 512
const cachedMax = 2_000

/**
 * The images of an email are fetched by Google's, Yahoo's and Apple's proxies (Apple's says no more than
 * 'Mozilla/5.0'), whoever opens it and on whatever device.
 */
const emailProxy = /GoogleImageProxy|YahooMailProxy|YahooCacheSystem|^Mozilla\/5\.0$/i

const unknown: Device = Object.freeze({ kind: 'unknown', os: 'unknown' })

/**
 * The device behind a user agent, by the lists of bowser and isbot: the same for the same text as long as their
 * versions are. Anything but a text, and an empty one, is unknown. The answer is frozen.
 */
export const deviceOf: (userAgent: unknown) => Device = remembering(openParser)

/** Loads the lists only now: most jobs do not ask. */
function openParser(): (userAgent: string) => Device {
  const load = createRequire(import.meta.url)
  const { parse } = load('bowser') as typeof Bowser
  const { isbot } = load('isbot') as typeof Isbot
  return userAgent => {
    const { os, platform } = parse(userAgent)
    const kind = kindOf(userAgent, isbot(userAgent) ? 'bot' : platform.type)
    return Object.freeze({ kind, os: osOf(os.name) })
  }
}

function kindOf(userAgent: string, platform: string | undefined): Device['kind'] {
  if (emailProxy.test(userAgent)) return 'email-proxy'
  if (platform === 'bot') return 'bot'
  if (platform === 'mobile' || platform === 'tablet' || platform === 'desktop') return platform
  return /\bCrOS\b/.test(userAgent) ? 'desktop' : 'unknown'
}

function osOf(name: string | undefined): Device['os'] {
  switch (name) {
    case undefined:
      return 'unknown'
    case 'iOS':
      return 'ios'
    case 'Android':
      return 'android'
    case 'Windows':
      return 'windows'
    case 'macOS':
      return 'macos'
    case 'Linux':
      return 'linux'
    case 'Chrome OS':
      return 'chromeos'
    default:
      return 'other'
  }
}

/** Reading one takes some 50 µs, and a site sees the same few hundred again and again; the oldest of too many is forgotten. */
function remembering(open: () => (userAgent: string) => Device): (userAgent: unknown) => Device {
  let parse: ((userAgent: string) => Device) | undefined
  const known = new Map<string, Device>()
  return given => {
    if (typeof given !== 'string') return unknown
    const userAgent = given.slice(0, charsMax).trim()
    if (userAgent === '') return unknown
    const found = known.get(userAgent)
    if (found) return found
    parse ??= open()
    const device = parse(userAgent)
    const oldest = known.keys().next()
    if (known.size >= cachedMax && !oldest.done) known.delete(oldest.value)
    // A copy: a text that was cut out of an event would keep all of that event's text in memory.
    known.set(Buffer.from(userAgent).toString(), device)
    return device
  }
}
