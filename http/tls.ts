import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { BaseLogger } from 'pino'
import type { Clock } from '../runtime/clock.ts'
import { readSecretFile, SecretFileError } from './secret-file.ts'
import { watchFiles } from './watched-files.ts'

export interface TlsOptions {
  /** PEM: the certificate, then those that it hangs on. */
  readonly certPath: string
  /** PEM, without a passphrase. */
  readonly keyPath: string
  readonly clock: Clock
  readonly logger: Pick<BaseLogger, 'info' | 'warn' | 'error'>
}

export interface Pair {
  readonly cert: string
  readonly key: string
}

/** A certificate and its key, as they are now. */
export interface Tls {
  readonly pair: Pair
  /** Called with each new pair; connections that are open keep the old. The answer ends that. */
  onRenewal(listener: (pair: Pair) => void): () => void
  /** Looks for renewed ones now. */
  reload(): Promise<void>
  close(): void
}

const SOON_MS = 7 * 86_400_000

/** Reads them, and again when they are renewed. Rejects with a `SecretFileError`. */
export async function openTls({ certPath, keyPath, clock, logger }: TlsOptions): Promise<Tls> {
  const listeners = new Set<(pair: Pair) => void>()
  const read = async () => {
    const { text: cert } = await readSecretFile(certPath, 'hashes')
    const { text: key, warnings } = await readSecretFile(keyPath, 'secrets')
    for (const warning of warnings) logger.warn(warning)
    const leftMs = expiryOf({ cert, key }, certPath, keyPath) - clock.now()
    if (leftMs < SOON_MS) {
      const days = Math.floor(leftMs / 86_400_000)
      const when = leftMs < 0 ? 'has expired' : `expires in ${days} days`
      logger.warn(
        `the certificate in ${certPath} ${when}: renew it, and it is taken without a restart`,
      )
    }
    return { cert, key }
  }
  const changed = (pair: Pair) => {
    for (const listener of listeners) listener(pair)
  }
  const watched = await watchFiles({ paths: [certPath, keyPath], read, changed, clock, logger })
  return {
    get pair() {
      return watched.current
    },
    onRenewal(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    reload: () => watched.reload(),
    close: () => watched.close(),
  }
}

/** Epoch ms. Throws a `SecretFileError` where the two are no certificate and its key. */
function expiryOf(pair: Pair, certPath: string, keyPath: string): number {
  try {
    const expiry = Date.parse(new X509Certificate(pair.cert).validTo)
    createSecureContext(pair)
    return expiry
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const message = `${certPath} and ${keyPath} are no certificate in PEM and its key (${reason}): give the chain (fullchain.pem) as --tls-cert, and the key without a passphrase as --tls-key`
    throw new SecretFileError('file_wrong', message, error)
  }
}
