import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { productOf, sendProducts, sendRows, userOf } from '../../bench/serve-rows.ts'
import { parseSigningFile, signingKeysOf } from '../../http/signing-file.ts'
import { createTokens } from '../../http/tokens.ts'
import { systemClock } from '../../runtime/clock.ts'
import { openKafkaLog } from '../../runtime/kafka-log.ts'
import type { Producer } from '../../runtime/log.ts'
import { type Image, signImage } from '../../serve/image-tokens.ts'
import { freePort, MillraceProcess } from '../harness-process.ts'
import { childrenByParent } from '../process-tree.ts'

const USERS = 8_000
const PARTITIONS = 4
const JOB = 'unbroken'
const stalling = fileURLToPath(new URL('./stalling-store.js', import.meta.url))

/** A broker, two workers that serve what it has, and rows that keep coming. */
export class UnbrokenWorld {
  /** Where the views lie. */
  readonly #disk: string
  readonly #folder: string
  readonly #brokerPort: number
  readonly port: number
  #broker: MillraceProcess
  #serve: MillraceProcess | undefined
  #stopWriting: (() => Promise<void>) | undefined
  #version = 1
  #bare: ChildProcess | undefined
  #secrets: ReturnType<typeof parseSigningFile> | undefined

  private constructor(disk: string, folder: string, port: number) {
    this.#disk = disk
    this.#folder = folder
    this.#brokerPort = port
    this.port = port + 1
    this.#broker = this.#newBroker()
  }

  static async open(disk: string): Promise<UnbrokenWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-unbroken-'))
    const world = new UnbrokenWorld(disk, folder, await freePort(2))
    await world.#broker.printed(/BROKERS=/)
    await world.#fill()
    world.#serve = new MillraceProcess(world.#serveArgs(), {
      NODE_OPTIONS: `--import ${stalling}`,
      MILLRACE_TEST_STALL: world.#stallFile,
    })
    return world
  }

  get #stallFile(): string {
    return join(this.#folder, 'stall')
  }

  get output(): string {
    return this.#serve?.output ?? ''
  }

  #serveArgs(): string[] {
    return [
      ...['serve', '--workers', '2', '--job', JOB, '--data', this.#disk],
      ...['--cache-mb', '1'], // so that most rows are read from the disk
      ...['--products', `${JOB}-products.features`, '--catalogue', `${JOB}-products`],
      ...['--pairs', `${JOB}-none`, '--brokers', `127.0.0.1:${this.#brokerPort}`],
      ...['--port', String(this.port)],
    ]
  }

  #newBroker(): MillraceProcess {
    const where = ['--data', join(this.#folder, 'broker'), '--port', String(this.#brokerPort)]
    return new MillraceProcess(['broker', ...where, '--http-port', '0'])
  }

  async #fill(): Promise<void> {
    const log = this.#log()
    const producer = log.producer()
    const topics = [`${JOB}.features`, `${JOB}-products.features`, `${JOB}-products`]
    const compact = { 'cleanup.policy': 'compact' }
    const spec = { partitions: PARTITIONS, replication: 1, config: compact }
    try {
      await log.topics.create(topics.map(topic => ({ topic, ...spec })))
      await sendProducts(log, `${JOB}-products.features`, `${JOB}-products`)
      await this.#sendRows(
        producer,
        Array.from({ length: USERS }, (_, at) => at),
      )
    } finally {
      await producer.close()
      await log.close()
    }
  }

  #sendRows(producer: Producer, numbers: number[]): Promise<void> {
    return sendRows(producer, `${JOB}.features`, numbers, this.#version++, systemClock)
  }

  #log() {
    const brokers = `127.0.0.1:${this.#brokerPort}`
    return openKafkaLog({ brokers, clientId: 'unbroken', clock: systemClock })
  }

  /** Some rows a second change, while the broker is there. */
  keepWriting(): void {
    const log = this.#log()
    const producer = log.producer()
    const ending = new AbortController()
    const { signal } = ending
    const written = (async () => {
      for (let at = 0; !signal.aborted; at += 60) {
        const numbers = Array.from({ length: 60 }, (_, more) => ((at + more) * 37) % USERS)
        const sent = this.#sendRows(producer, numbers)
        await sent.catch(() => systemClock.sleep(200, signal)) // the broker is away
        await systemClock.sleep(300, signal)
      }
    })()
    this.#stopWriting = async () => {
      ending.abort()
      await producer.close() // what it sends to a broker that is away is tried until then
      await written
      await log.close()
    }
  }

  /** What one call of many asks for. */
  pathOf(call: number): string {
    const user = userOf((call * 7_919) % (USERS + 40)) // some are unknown
    switch (call % 5) {
      case 0:
        return this.image({ name: 'product', product: productOf(call % 16) })
      case 1:
        return `/v1/blocks/recommendations?user=${user}`
      case 2:
        return this.image({ name: 'countdown', until: 4_000_000_000_000 })
      default:
        return `/v1/blocks/cart?user=${user}`
    }
  }

  image(image: Image): string {
    const path = join(this.#disk, 'signing.json')
    this.#secrets ??= parseSigningFile(readFileSync(path, 'utf8'), path)
    const secrets = this.#secrets
    const tokens = createTokens(signingKeysOf(() => secrets, systemClock.now))
    return `/v1/images/${image.name}.png?token=${signImage(tokens, image, systemClock.now())}`
  }

  async ready(): Promise<void> {
    await this.#serve?.printed(/(a worker is ready[\s\S]*){2}/)
  }

  async killBroker(): Promise<void> {
    await this.#broker.kill()
  }

  async startBroker(): Promise<void> {
    this.#broker = this.#newBroker()
    await this.#broker.printed(/BROKERS=/)
  }

  freezeBroker(): void {
    this.#broker.freeze()
  }

  thawBroker(): void {
    this.#broker.thaw()
  }

  stallStore(ms: number): void {
    rmSync(`${this.#stallFile}.pipe`, { force: true })
    spawnSync('mkfifo', [`${this.#stallFile}.pipe`])
    writeFileSync(this.#stallFile, String(systemClock.now() + ms))
  }

  /** Turns bytes over in all tables of the views of users and products. Answers how many files there were. */
  corruptViews(): number {
    const root = join(this.#disk, 'serve', JOB)
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    const tables = files.filter(file => file.endsWith('.ldb')).map(file => join(root, file))
    for (const table of tables) {
      const file = openSync(table, 'r+')
      for (let at = 300; at < statSync(table).size; at += 997)
        writeSync(file, Buffer.from([0xa5, 0x5a, 0xff]), 0, 3, at)
      closeSync(file)
    }
    return tables.length
  }

  /** The port of a server that does nothing. */
  async bare(): Promise<number> {
    const loader = new URL('../../bin/typescript.js', import.meta.url).href
    const file = fileURLToPath(new URL('../../bench/serve-bare.ts', import.meta.url))
    this.#bare = spawn(process.execPath, ['--import', loader, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let printed = ''
    for await (const text of this.#bare.stdout ?? []) {
      printed += text
      const [, port] = /:(\d+)\b/.exec(printed) ?? []
      if (port !== undefined) return Number(port)
    }
    throw new Error(`the bare server ended: ${printed}`)
  }

  get workers(): number[] {
    return childrenByParent().get(this.#serve?.pid ?? 0) ?? []
  }

  killWorker(): void {
    const [first] = this.workers
    if (first !== undefined) process.kill(first, 'SIGKILL')
  }

  async restartOneByOne(): Promise<void> {
    const { pid } = this.#serve ?? {}
    const before = this.workers
    if (pid !== undefined) process.kill(pid, 'SIGUSR2')
    for (let tries = 0; this.workers.some(each => before.includes(each)); tries++) {
      if (tries > 3_000) throw new Error(`the old workers go on:\n${this.output}`)
      await systemClock.sleep(100)
    }
  }

  async stop(): Promise<void> {
    await this.#serve?.stop()
  }

  async close(): Promise<void> {
    this.#broker.thaw()
    await this.#stopWriting?.()
    this.#bare?.kill('SIGKILL')
    await this.#serve?.kill()
    await this.#broker.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
