import type { Bearers } from './bearers.ts'
import { devKeys, type Keys } from './keys.ts'
import type { Tls } from './tls.ts'

/** Who may ask a server, and how. */
export interface Protection {
  readonly keys: Keys
  /** Tokens of an OAuth issuer that are keys, too. */
  readonly bearers?: Bearers
  /**
   * Whether somebody gave keys. Else the server can be reached from this machine only, and only by its own name;
   * everything may be read, and events are written with the key `dev`.
   */
  readonly keyed: boolean
  /** The most requests of a second from one address, whatever keys they bring; 0 for any number. */
  readonly perAddress: number
  /** Speaks TLS, and nothing else. */
  readonly tls?: Tls
  /**
   * Proxies whose word on who asks is taken (X-Forwarded-For, -Proto, -Host): how many stand before the server, or
   * their addresses and networks. None when not given.
   */
  readonly trustProxy?: number | readonly string[]
}

/** For a machine of one's own. */
export const unprotected: Protection = { keys: devKeys, keyed: false, perAddress: 0 }
