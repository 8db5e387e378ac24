import { type Command, InvalidArgumentError } from 'commander'
import { addressFault } from '../http/addresses.ts'
import { isLoopback } from '../http/listen.ts'
import { flag, wholeNumber } from './flags.ts'

/** Who may ask a server, and how: see `openProtection`. */
export interface KeyFlags {
  readonly keys?: string
  readonly signingKeys?: string
  readonly perAddress: number
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly trustProxy?: number | readonly string[]
}

/** Tokens of an OAuth 2.0 issuer that are keys, too: all three, or none. */
export interface OAuthFlags {
  readonly oauthIssuer?: string
  readonly oauthJwks?: string
  readonly oauthAudience?: string
  readonly oauthPerSecond?: number
}

const PER_ADDRESS = 1_000
const HOPS_MAX = 10

export function addKeyFlags(command: Command): Command {
  return command
    .addOption(
      flag(
        '--keys <file>',
        'keys that are asked for (millrace keys add), or their JSON in MILLRACE_KEYS_JSON; without, only this machine is let in',
      ),
    )
    .addOption(
      flag(
        '--signing-keys <file>',
        'what signs links and tokens; signing.json in --data, made at the first start',
      ),
    )
    .addOption(
      flag('--per-address <n>', 'requests a second that one address may send, 0 for any number')
        .default(PER_ADDRESS)
        .argParser(wholeNumber(0, 1_000_000)),
    )
    .addOption(flag('--tls-cert <file>', 'speak TLS with this certificate (PEM, with its chain)'))
    .addOption(flag('--tls-key <file>', 'the key of the certificate (PEM)'))
    .addOption(
      flag(
        '--trust-proxy <hops>',
        'proxies before this server that say who asks: how many, or their networks separated by commas',
      ).argParser(parseProxies),
    )
}

export function addOAuthFlags(command: Command): Command {
  return command
    .addOption(
      flag(
        '--oauth-issuer <text>',
        'lets in tokens (JWT) of this OAuth 2.0 issuer, as iss names it',
      ),
    )
    .addOption(
      flag('--oauth-jwks <url>', 'where its public keys are: https, or on this machine').argParser(
        parseJwks,
      ),
    )
    .addOption(flag('--oauth-audience <text>', 'what aud has to name: this service'))
    .addOption(
      flag('--oauth-per-second <n>', 'requests of a second of one of its clients').argParser(
        wholeNumber(1, 1_000_000),
      ),
    )
}

function parseJwks(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:') return url.href
  const bare = url?.hostname.replace(/^\[(.*)\]$/, '$1') ?? ''
  if (url?.protocol === 'http:' && isLoopback(bare)) return url.href
  throw new InvalidArgumentError(
    'Give a URL with https, such as https://id.shop.example/jwks.json.',
  )
}

function parseProxies(text: string): number | readonly string[] {
  if (/^\d+$/.test(text)) return wholeNumber(0, HOPS_MAX)(text)
  const networks = text.split(',').map(network => network.trim())
  const fault = networks.map(addressFault).find(expected => expected !== undefined)
  if (fault === undefined) return networks
  throw new InvalidArgumentError(`Give how many there are, or for each ${fault}.`)
}
