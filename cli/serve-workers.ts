import cluster, { type Worker as Process } from 'node:cluster'
import { createServer } from 'node:net'
import { type CommandContext, stopped } from './context.ts'
import { mergeMetrics } from './merge-metrics.ts'
import { UserError } from './user-error.ts'
import { type FromPrimary, type FromWorker, PORT, SLOT } from './worker-messages.ts'

export interface WorkersOptions {
  readonly workers: number
  readonly host: string
  /** 0: any free one. */
  readonly port: number
}

/** One worker that runs. */
interface Running {
  readonly slot: number
  readonly process: Process
  readonly startedAt: number
  ready: boolean
  /** It was told to end, or another has its place. */
  leaving: boolean
  readonly gone: Promise<void>
}

const BACKOFF_MS = 100
const BACKOFF_MS_MAX = 10_000
/** A worker that lived so long died of something new. */
const SETTLED_MS = 60_000
/** How long a new worker may read until it takes an old one's place. */
const READY_MS_MAX = 600_000
/** How long a worker may take to end: its drain, and closing its views. */
const END_MS_MAX = 20_000
const FIGURES_MS_MAX = 1_000
const LOOK_MS = 20

/**
 * Runs several workers on one listening socket and looks after them; it answers nothing itself. A worker that dies is
 * started again, ever later if it dies at once; SIGUSR2 puts a new one in the place of each, one after the other,
 * each ready before the old one drains. Returns when all have drained after the signal. Rejects when the first
 * workers end before one of them listens: they have said why.
 */
export async function serveWorkers(
  options: WorkersOptions,
  context: CommandContext,
): Promise<void> {
  const port = options.port === 0 ? await freePort(options.host) : options.port
  // The kernel gives out connections, to whichever worker accepts first: one that is killed takes none of the others'
  // with it, while those that the primary hands over would hang with it.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  await new Supervisor(options.workers, port, context).run()
}

class Supervisor {
  readonly #count: number
  readonly #port: number
  readonly #context: CommandContext
  readonly #running = new Set<Running>()
  /** Slots of workers that died, until they are started again. */
  readonly #resting = new Set<number>()
  readonly #deaths = new Map<number, number>()
  readonly #failed = new AbortController()
  readonly #figures = new Map<number, (worker: string, text: string) => void>()
  #asks = 0
  #listened = false
  #rolling: Promise<void> | undefined

  constructor(count: number, port: number, context: CommandContext) {
    this.#count = count
    this.#port = port
    this.#context = context
  }

  async run(): Promise<void> {
    const { signal, logger } = this.#context
    const roll = () => {
      this.#rolling ??= this.#roll()
        .catch((error: unknown) => logger.error({ error }, 'the rolling restart failed'))
        .finally(() => {
          this.#rolling = undefined
        })
    }
    const pass = () => {
      for (const { process } of this.#running) process.process.kill('SIGHUP')
    }
    process.on('SIGUSR2', roll)
    process.on('SIGHUP', pass)
    try {
      for (let slot = 1; slot <= this.#count; slot++) this.#start(slot)
      await stopped(AbortSignal.any([signal, this.#failed.signal]))
      await Promise.all([...this.#running].map(worker => this.#end(worker)))
    } finally {
      process.off('SIGUSR2', roll)
      process.off('SIGHUP', pass)
    }
    if (!signal.aborted) this.#failed.signal.throwIfAborted()
  }

  get #stopping(): boolean {
    return this.#context.signal.aborted || this.#failed.signal.aborted
  }

  #start(slot: number): Running {
    const { clock } = this.#context
    const process = cluster.fork({ [SLOT]: String(slot), [PORT]: String(this.#port) })
    const gone = new Promise<void>(resolve => process.once('exit', () => resolve()))
    const startedAt = clock.elapsed()
    const worker: Running = { slot, process, startedAt, ready: false, leaving: false, gone }
    this.#running.add(worker)
    process.on('message', (message: FromWorker) => this.#hear(worker, message))
    process.on('error', error =>
      this.#context.logger.warn({ error, slot }, 'a worker cannot be told'),
    )
    void gone.then(() => this.#died(worker))
    return worker
  }

  #hear(worker: Running, message: FromWorker): void {
    switch (message.kind) {
      case 'listening':
        if (!this.#listened) this.#context.print(`${message.url}/v1/users/<id>/features`)
        this.#listened = true
        return
      case 'ready':
        worker.ready = true
        this.#context.logger.info({ worker: worker.slot }, 'a worker is ready')
        return
      case 'figures':
        this.#figures.get(message.ask)?.(String(worker.slot), message.text)
        return
      case 'ask-figures':
        void this.#collect().then(text =>
          tell(worker, { kind: 'all-figures', ask: message.ask, text }),
        )
    }
  }

  /** What all workers that answer in time count. */
  async #collect(): Promise<string> {
    const ask = ++this.#asks
    const texts = new Map<string, string>()
    const asked = [...this.#running]
    const ended = new AbortController()
    this.#figures.set(ask, (worker, text) => {
      texts.set(worker, text)
      if (texts.size === asked.length) ended.abort()
    })
    for (const worker of asked) tell(worker, { kind: 'tell-figures', ask })
    await this.#context.clock.sleep(FIGURES_MS_MAX, ended.signal)
    this.#figures.delete(ask)
    return mergeMetrics(texts)
  }

  async #died(worker: Running): Promise<void> {
    const { clock, logger, signal } = this.#context
    const { slot, startedAt } = worker
    this.#running.delete(worker)
    if (worker.leaving || this.#stopping) return
    if (!this.#listened) {
      const message = 'the workers end before they listen: the line before this one says why'
      return this.#failed.abort(new UserError('workers_failed', message))
    }
    const deaths = clock.elapsed() - startedAt > SETTLED_MS ? 1 : (this.#deaths.get(slot) ?? 0) + 1
    this.#deaths.set(slot, deaths)
    const waitMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (deaths - 1))
    logger.error({ worker: slot, deaths, waitMs }, 'a worker has died; another takes its place')
    this.#resting.add(slot)
    await clock.sleep(waitMs, signal)
    this.#resting.delete(slot)
    if (!this.#stopping) this.#start(slot)
  }

  /** The old and the new one each have a view folder, so that one more is needed than there are workers. */
  async #roll(): Promise<void> {
    const { logger } = this.#context
    logger.info('rolling restart: a new worker takes the place of each, one after the other')
    for (const old of [...this.#running]) {
      if (this.#stopping) return
      if (old.leaving || !this.#running.has(old)) continue
      const next = this.#start(this.#freeSlot())
      if (!(await this.#isReady(next))) {
        if (this.#stopping) return
        logger.error({ worker: next.slot }, 'a new worker did not become ready: the old ones stay')
        return await this.#end(next)
      }
      await this.#end(old)
    }
    logger.info('all workers are new')
  }

  #freeSlot(): number {
    const taken = new Set([...this.#running].map(({ slot }) => slot))
    for (let slot = 1; ; slot++) if (!taken.has(slot) && !this.#resting.has(slot)) return slot
  }

  async #isReady(worker: Running): Promise<boolean> {
    const { clock } = this.#context
    const before = clock.elapsed()
    while (!worker.ready) {
      const late = clock.elapsed() - before > READY_MS_MAX
      if (late || this.#stopping || !this.#running.has(worker)) return false
      await clock.sleep(LOOK_MS)
    }
    return true
  }

  /** Lets it answer what it was asked, and waits until it is gone. */
  async #end(worker: Running): Promise<void> {
    worker.leaving = true
    tell(worker, { kind: 'drain' })
    const ended = new AbortController()
    void this.#context.clock.sleep(END_MS_MAX, ended.signal).then(() => {
      if (!ended.signal.aborted) worker.process.process.kill('SIGKILL')
    })
    await worker.gone
    ended.abort()
  }
}

function tell({ process }: Running, message: FromPrimary): void {
  if (process.isConnected()) process.send(message)
}

/** So that a worker that is started later finds the same one. */
function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, host, () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
