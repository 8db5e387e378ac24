import type { BaseLogger } from 'pino'
import type { Bearers } from '../http/bearers.ts'
import { keysOf } from '../http/keys.ts'
import { isLoopback } from '../http/listen.ts'
import { type Protection, unprotected } from '../http/protection.ts'
import { openTls, type Tls } from '../http/tls.ts'
import type { Tokens } from '../http/tokens.ts'
import type { Clock } from '../runtime/clock.ts'
import type { KeyFlags, OAuthFlags } from './flags-keys.ts'
import { type OpenFile, openKeys, openSigning } from './key-files.ts'
import { UserError } from './user-error.ts'

export interface ProtectionOptions {
  readonly flags: KeyFlags & OAuthFlags & { readonly data: string; readonly host: string }
  readonly clock: Clock
  readonly logger: Pick<BaseLogger, 'info' | 'warn' | 'error'>
}

export interface OpenProtection {
  /** For `openHttp`. */
  readonly protection: Protection
  readonly tokens: Tokens
  /** For `addressesOf`; never changes. */
  readonly addressSecret: Uint8Array
  /** Looks for changed files now. */
  reload(): Promise<void>
  close(): void
}

/**
 * What the flags say of who may ask. All files are read again within 2 s when they change, and at once on SIGHUP; one
 * that became wrong is told in the log, and what was read before stays. Rejects with a `UserError` or a
 * `SecretFileError`.
 */
export async function openProtection(options: ProtectionOptions): Promise<OpenProtection> {
  const { flags, clock, logger } = options
  const open: Pick<OpenFile<unknown>, 'reload' | 'close'>[] = []
  const keep = <File extends (typeof open)[number]>(file: File): File => {
    open.push(file)
    return file
  }
  const close = () => {
    for (const file of open.splice(0)) file.close()
  }
  try {
    const tls = await openTlsOf(options)
    if (tls !== undefined) keep(tls)
    const keys = await openKeys(flags.keys, clock, logger)
    if (keys !== undefined) keep(keys)
    const bearers = await openBearersOf(options)
    if (bearers !== undefined) keep({ reload: async () => undefined, close: bearers.close })
    const keyed = keys !== undefined || bearers !== undefined
    const signing = keep(await openSigning(flags, clock, logger))
    if (keyed && tls === undefined && !isLoopback(flags.host)) {
      logger.warn(
        'keys cross the network readable by everybody on the way: give --tls-cert and --tls-key, or put a proxy that speaks TLS before this',
      )
    }
    if (keyed && flags.trustProxy === undefined && isLoopback(flags.host)) {
      logger.info(
        'whoever asks through a proxy counts as one address, which may send --per-address requests a second: --trust-proxy 1 believes the proxy who asks',
      )
    }
    const reload = async () => {
      await Promise.all(open.map(file => file.reload()))
    }
    keep(onHangUp(reload))
    const { perAddress, trustProxy } = flags
    const protection: Protection = {
      ...(keyed ? { keys: keys?.value ?? keysOf([]), keyed, perAddress } : unprotected),
      ...(bearers !== undefined && { bearers }),
      ...(tls !== undefined && { tls }),
      ...(trustProxy !== undefined && { trustProxy }),
    }
    return { protection, ...signing.value, reload, close }
  } catch (error) {
    close()
    throw error
  }
}

async function openBearersOf({
  flags,
  clock,
  logger,
}: ProtectionOptions): Promise<Bearers | undefined> {
  const { oauthIssuer: issuer, oauthJwks: jwks, oauthAudience: audience, oauthPerSecond } = flags
  if (issuer === undefined && jwks === undefined && audience === undefined) return undefined
  if (issuer === undefined || jwks === undefined || audience === undefined) {
    const message =
      'tokens need an issuer, its keys and an audience: give --oauth-issuer, --oauth-jwks and --oauth-audience'
    throw new UserError('oauth_incomplete', message)
  }
  const { openBearers } = await import('../http/bearers.ts')
  const perSecond = oauthPerSecond === undefined ? {} : { perSecond: oauthPerSecond }
  return openBearers({ issuer, jwks: new URL(jwks), audience, ...perSecond, clock, logger })
}

async function openTlsOf({ flags, clock, logger }: ProtectionOptions): Promise<Tls | undefined> {
  const { tlsCert: certPath, tlsKey: keyPath } = flags
  if (certPath === undefined && keyPath === undefined) return undefined
  if (certPath !== undefined && keyPath !== undefined)
    return openTls({ certPath, keyPath, clock, logger })
  const missing = certPath === undefined ? '--tls-cert' : '--tls-key'
  throw new UserError('tls_incomplete', `TLS needs a certificate and its key: give ${missing}, too`)
}

/** In a terminal, SIGHUP comes when its window is closed, and must end the process. */
function onHangUp(reload: () => Promise<void>): Pick<OpenFile<unknown>, 'reload' | 'close'> {
  const onSignal = () => void reload()
  const inTerminal = process.stdin.isTTY === true
  if (!inTerminal) process.on('SIGHUP', onSignal)
  return { reload: async () => undefined, close: () => process.off('SIGHUP', onSignal) }
}
