import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type CommandContext, stopped } from './context.ts'
import {
  addBrokerFlags,
  addDataFlags,
  addListenFlags,
  type BrokerFlags,
  type DataFlags,
  flag,
  type ListenFlags,
  wholeNumber,
} from './flags.ts'
import { addKeyFlags, addOAuthFlags, type KeyFlags, type OAuthFlags } from './flags-keys.ts'
import { collectSeldom } from './heap-growth.ts'
import { asWorker, type Worker } from './serve-worker.ts'
import { packageVersion } from './version.ts'

interface ServeFlags extends BrokerFlags, ListenFlags, DataFlags, KeyFlags, OAuthFlags {
  readonly job: string
  readonly products: string
  readonly catalogue: string
  readonly pairs: string
  readonly content?: string
  readonly ampSenders?: readonly string[]
  readonly input: string
  readonly purge?: string
  readonly edgeSeconds: number
  readonly auditDays: number
  readonly auditIds: 'plain' | 'hashed'
  readonly workers: number
  readonly cacheMb: number
}

/** `millrace serve`: answers what a job's features are. */
export function registerServe(program: Command, context: CommandContext): void {
  const command = program
    .command('serve')
    .description("answer users' features over HTTP, from a local view of <job>.features")
    .addOption(flag('--job <name>', 'whose features').default('email'))
    .addOption(
      flag('--products <topic>', 'what is known of products, for recommendations').default(
        'products.features',
      ),
    )
    .addOption(
      flag('--pairs <topic>', 'what users viewed and bought, for recommendations').default(
        'pairs.features',
      ),
    )
    .addOption(flag('--catalogue <topic>', 'products with price and stock').default('products'))
    .addOption(
      flag('--content <file>', "module that exports the blocks of emails; a shop's when left out"),
    )
    .addOption(
      flag(
        '--amp-senders <addresses>',
        'senders of emails that may ask by AMP, separated by commas; *@shop.example is a whole domain',
      ).argParser(list => list.split(',').map(each => each.trim())),
    )
    .addOption(
      flag('--input <topic>', 'where erasures go, and what readers do in emails').default('events'),
    )
    .addOption(
      flag('--audit-days <n>', 'how long the log of who read whose data is kept; 0 for no log')
        .default(90)
        .argParser(wholeNumber(0, 3_650)),
    )
    .addOption(
      flag('--audit-ids <how>', 'users in that log by their ids, or by a keyed hash of them')
        .choices(['plain', 'hashed'])
        .default('plain'),
    )
    .addOption(
      flag('--purge <file>', 'a CDN before this server that is to be told what has changed'),
    )
    .addOption(
      flag('--edge-seconds <n>', 'with --purge, how long the CDN may keep an answer')
        .default(60)
        .argParser(wholeNumber(1, 86_400)),
    )
  command.addOption(
    flag('--workers <n>', 'processes on one port, each with a view of its own')
      .default(1)
      .argParser(wholeNumber(1, 64)),
  )
  command.addOption(
    flag('--cache-mb <n>', 'memory for rows, over all workers; the rest are read from the disk')
      .default(rowsMbMax(), 'a quarter of the memory there is, 1024 at most')
      .argParser(wholeNumber(0, 16_384)),
  )
  addListenFlags(command, 8080)
  addKeyFlags(command)
  addOAuthFlags(command)
  addBrokerFlags(command)
  addDataFlags(command).action((flags: ServeFlags) => serveCommand(flags, context))
}

/** For rows, MiB, of the memory that this process may use: the machine's, or less in a container. */
function rowsMbMax(): number {
  const constrained = process.constrainedMemory()
  const bytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
  return Math.min(1_024, Math.floor(bytes / 4 / 2 ** 20))
}

/** How long connections that are kept may bring one more request, which is answered with `Connection: close`. */
const GRACE_MS = 1_000

async function serveCommand(flags: ServeFlags, context: CommandContext): Promise<void> {
  const worker = asWorker(context.clock)
  if (worker === undefined && flags.workers > 1) {
    const { serveWorkers } = await import('./serve-workers.ts')
    return await serveWorkers(flags, context)
  }
  try {
    await serve(flags, context, worker)
  } finally {
    worker?.close()
  }
}

async function serve(
  flags: ServeFlags,
  { signal, clock, logger, print }: CommandContext,
  worker: Worker | undefined,
): Promise<void> {
  const [
    { openLog },
    { startSidecar },
    { openTelemetry },
    { openProtection },
    { loadBlocks },
    { readPurgeFile },
    { hashedIds },
  ] = await Promise.all([
    import('./connection.ts'),
    import('../serve/sidecar.ts'),
    import('../runtime/telemetry.ts'),
    import('./protection.ts'),
    import('./content-module.ts'),
    import('../serve/purge-file.ts'),
    import('../serve/hashed-id.ts'),
  ])
  collectSeldom()
  const { host, job, products, catalogue, pairs, data } = flags
  const port = worker?.port ?? flags.port
  const instance = worker === undefined ? flags.instance : `${flags.instance}-w${worker.slot}`
  const blocks = await loadBlocks(flags.content)
  const hook = flags.purge === undefined ? undefined : await readPurgeFile(flags.purge, process.env)
  const { protection, tokens, addressSecret, close } = await openProtection({
    flags,
    clock,
    logger,
  })
  const telemetry = await openTelemetry({ service: 'millrace-serve' })
  const log = openLog(flags, 'millrace-serve', clock, logger)
  const fault = new AbortController()
  const failed = (error: unknown) => fault.abort(error)
  try {
    const sidecar = await startSidecar({
      ...{ log, clock, logger, telemetry, failed, host, port },
      ...{ topic: `${job}.features`, products, catalogue, pairs },
      folder: join(data, 'serve', job, instance),
      ...(flags.auditDays > 0 && {
        audit: {
          folder: join(data, 'serve', job, flags.instance, 'audit'), // all workers write to one
          days: flags.auditDays,
          ...(flags.auditIds === 'hashed' && { nameOf: hashedIds(addressSecret) }),
        },
      }),
      ...{ blocks, protection, tokens, version: packageVersion() },
      ...(hook && { edge: { hook, seconds: flags.edgeSeconds } }),
      eventsTopic: flags.input,
      graceMs: GRACE_MS,
      rowsBytesMax: (flags.cacheMb * 2 ** 20) / flags.workers,
      ...(worker && { metrics: worker.metrics(() => telemetry.scrape()) }),
      // Where others can ask, emails of no sender may until they are named.
      ampSenders: flags.ampSenders ?? (protection.keyed ? [] : ['*']),
    })
    if (worker === undefined) print(`${sidecar.url}/v1/users/<id>/features`)
    else worker.serving(sidecar.url, () => sidecar.ready().ready)
    const ends = [signal, fault.signal, ...(worker ? [worker.signal] : [])]
    await stopped(AbortSignal.any(ends))
    await Promise.all([sidecar.stop(), log.close()])
  } finally {
    await log.close()
    await telemetry.close()
    close()
  }
  fault.signal.throwIfAborted()
}
