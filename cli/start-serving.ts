import { CollectClient } from '../collect/collect-client.ts'
import type { Tokens } from '../http/tokens.ts'
import type { Log } from '../runtime/log.ts'
import { purposes, signTicket } from '../serve/amp-tokens.ts'
import { type Sidecar, startSidecar } from '../serve/sidecar.ts'
import { loadBlocks } from './content-module.ts'
import { PRODUCTS } from './shop-products.ts'
import type { StartOptions } from './start.ts'
import { packageVersion } from './version.ts'

type Options = Pick<
  StartOptions,
  'folder' | 'host' | 'ports' | 'clock' | 'logger' | 'telemetry' | 'onFatal'
> & {
  readonly log: Log
  readonly topic: string
  readonly input: string
  readonly tokens: Tokens
  readonly collectUrl: string
  readonly writeKey: string
}

/** The sidecar with all that it can show, and the page at `/`. */
export async function startServing(options: Options): Promise<Sidecar> {
  const { folder, ports, onFatal, collectUrl, writeKey, input } = options
  return startSidecar({
    ...options,
    ...{ folder: folder.serve, port: ports.serve, failed: onFatal, eventsTopic: input },
    ...{ products: 'products.features', catalogue: 'products', pairs: 'pairs.features' },
    blocks: await loadBlocks(undefined),
    page: { collectUrl, writeKey },
    version: packageVersion(),
  })
}

/** The shop's products, with pictures that the sidecar draws. Sent anew at each start: the same change nothing. */
export async function sendCatalogue(
  {
    collectUrl,
    writeKey,
    clock,
    logger,
  }: Pick<Options, 'collectUrl' | 'writeKey' | 'clock' | 'logger'>,
  { url }: Pick<Sidecar, 'url'>,
  signal: AbortSignal,
): Promise<void> {
  const onTrouble = (reason: string) => logger.warn({ reason }, 'the catalogue is not taken yet')
  const client = new CollectClient({ url: collectUrl, writeKey, clock, signal, onTrouble })
  const products = PRODUCTS.map(({ id, name, category, cents }, at) => ({
    ...{ id, title: name.replace(/^./, letter => letter.toUpperCase()), category },
    ...{ price: cents / 100, currency: 'EUR', stock: (at * 7) % 23 === 0 ? 3 : 20 + (at % 60) },
    ...{ url: `${url}/?product=${id}`, image: `${url}/page/products/${id}.png` },
  }))
  try {
    await client.send('/v1/products', JSON.stringify({ products }))
  } finally {
    client.close()
  }
}

/** Where a mail client would ask for a block of a user. */
export function ampUrl(tokens: Tokens, sidecarUrl: string, user: string, now: number): string {
  const token = signTicket(tokens, purposes.block, { user, name: 'recommendations' }, now)
  return `${sidecarUrl}/v1/amp/blocks/recommendations?token=${token}`
}
