import { createRequire } from 'node:module'

/**
 * Loaded by `require`: an import has Node look for the names that a CommonJS module exports, and in this package,
 * which tries all platforms in one large file, that cost each thread 40 ms of processor time instead of 7.
 */
export const { crc32c } = createRequire(import.meta.url)(
  '@node-rs/crc32',
) as typeof import('@node-rs/crc32')
