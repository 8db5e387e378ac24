import { type Addresses, addressesOf } from '../../collect/address.ts'
import { readBodiesRaw } from '../../collect/body.ts'
import type { Door } from '../../collect/door.ts'
import { createGuard } from '../../collect/guard.ts'
import type { Arrival, Intake } from '../../collect/intake.ts'
import { type EmailLinks, emailLinks } from '../../http/email-links.ts'
import { hashOf, type Key, keysOf } from '../../http/keys.ts'
import { createApp } from '../../http/server.ts'
import { newSigningSecrets, signingKeysOf } from '../../http/signing-file.ts'
import { createTokens } from '../../http/tokens.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'

export interface Taken {
  readonly event: Readonly<Record<string, unknown>>
  readonly arrival: Arrival
}

export interface LinkWorld extends Pick<Door, 'app' | 'clock' | 'tokens'> {
  /** What the intake was given, in order. */
  readonly taken: Taken[]
  /** Counters that rose, as `name {attributes}`. */
  readonly counted: string[]
  readonly links: EmailLinks
  readonly addresses: Addresses
}

export const baseUrl = 'https://events.shop.example'
/** A time at which all links of `LinkWorld` were sent. */
export const sentAt = Date.UTC(2026, 10, 1)

const keys: readonly Key[] = [
  { name: 'dev', action: 'write', origins: ['loopback'] },
  { name: 'shop', action: 'write', origins: ['https://shop.example', 'https://*.shop.example'] },
  { name: 'open', action: 'write' },
]

/** The ways in of links and forms with real tokens, keys and bodies, and an intake that only remembers, unless `take` says what it does. */
export function linkWorld(
  add: (door: Door, addresses: Addresses) => void,
  take: Intake['take'] = async events => ({ accepted: events.length, rejected: [] }),
  clock: Clock = { ...systemClock, now: () => sentAt + 60_000 },
): LinkWorld {
  const taken: Taken[] = []
  const counted: string[] = []
  const secrets = newSigningSecrets(0)
  const tokens = createTokens(signingKeysOf(() => secrets, clock.now))
  const intake: Intake = {
    take(events, arrival) {
      for (const event of events) taken.push({ event: event as Taken['event'], arrival })
      return take(events, arrival)
    },
    takeJson: () => undefined,
  }
  const telemetry = {
    ...noTelemetry,
    add: (name: string, _amount: number, ...[attributes]: readonly object[]) => {
      counted.push(attributes === undefined ? name : `${name} ${JSON.stringify(attributes)}`)
    },
  }
  const links = emailLinks({ tokens, baseUrl, sentAt })
  const addresses = addressesOf(secrets.addressSecret)
  const hashed = keysOf(keys.map(key => ({ key, hashes: [hashOf(key.name)] })))
  const app = createApp({
    health: async () => ({ alive: true }),
    ready: async () => ({ ready: true, reasons: [] }),
    metrics: async () => '',
    protection: { keys: hashed, keyed: true, perAddress: 0 },
    routes(app, access) {
      readBodiesRaw(app)
      add({ app, intake, guard: createGuard(access), tokens, clock, telemetry }, addresses)
    },
  })
  return { app, clock, tokens, taken, counted, links, addresses }
}

export function verdictOf(taken: Taken | undefined): unknown {
  const { classification } = (taken?.event.context ?? {}) as {
    classification?: { verdict: string }
  }
  return classification?.verdict
}

/** The path and query of a link, for `inject`. */
export function pathOf(link: string): string {
  return link.slice(baseUrl.length)
}
