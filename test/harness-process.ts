import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../runtime/clock.ts'

const program = fileURLToPath(new URL('../bin/millrace.js', import.meta.url))
/** The most of its output that is kept, from its end, in characters. */
const OUTPUT_MAX = 4_000
const READY_MS_MAX = 60_000
const STOP_MS_MAX = 30_000

/** A `millrace` command in a process of its own, as a person starts it; killed at will. */
export class MillraceProcess {
  readonly #child: ChildProcess
  readonly #ended: Promise<string>
  #output = ''
  #address: string | undefined
  #hasEnded = false

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', text => {
        this.#output = (this.#output + text).slice(-OUTPUT_MAX)
        this.#address ??= /(http:\S+)\/metrics\n/.exec(this.#output)?.[1]
      })
    }
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject)
      this.#child.on('close', (code, signal) => {
        this.#hasEnded = true
        resolve(signal ?? `exit code ${code}`)
      })
    })
  }

  /** What it has written so far, to both outputs; the end of it where that is long. */
  get output(): string {
    return this.#output
  }

  /** Resolves when its own HTTP says that it does its job. Rejects when it ends before, or takes a minute. */
  async ready(): Promise<void> {
    const deadline = systemClock.elapsed() + READY_MS_MAX
    while (systemClock.elapsed() < deadline) {
      this.assertRunning()
      const address = this.#address
      if (address !== undefined && (await answersOk(`${address}/ready`))) return
      await systemClock.sleep(50)
    }
    throw new Error(`not ready within ${READY_MS_MAX} ms:\n${this.#output}`)
  }

  /** Resolves once what it has printed fits. Rejects as `ready` does. */
  async printed(pattern: RegExp): Promise<void> {
    const deadline = systemClock.elapsed() + READY_MS_MAX
    while (!pattern.test(this.#output)) {
      this.assertRunning()
      if (systemClock.elapsed() > deadline)
        throw new Error(`not printed within ${READY_MS_MAX} ms: ${pattern}\n${this.#output}`)
      await systemClock.sleep(20)
    }
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  assertRunning(): void {
    if (this.#hasEnded) throw new Error(`ended by itself:\n${this.#output}`)
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** How it ended by itself: `exit code 1`, or the signal. Rejects when it has not within the time. */
  async ended(msMax: number): Promise<string> {
    const inTime = new AbortController()
    const late = systemClock.sleep(msMax, inTime.signal).then(() => undefined)
    const end = await Promise.race([this.#ended, late])
    inTime.abort()
    if (end === undefined) throw new Error(`has not ended within ${msMax} ms:\n${this.#output}`)
    return end
  }

  /** As `kill -9` does: it can tidy nothing up. Resolves when it is gone; no error where it was gone before. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** As SIGSTOP does: it stands still, with all its threads, until `thaw`. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  /** Asks it to end, and rejects when it does not end in order. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    const inTime = new AbortController()
    const late = systemClock.sleep(STOP_MS_MAX, inTime.signal).then(() => 'no end in time')
    const end = await Promise.race([this.#ended, late])
    inTime.abort()
    if (end === 'exit code 0') return
    await this.kill()
    throw new Error(`asked to stop, there was ${end}:\n${this.#output}`)
  }
}

async function answersOk(url: string): Promise<boolean> {
  try {
    const { ok } = await fetch(url, { signal: AbortSignal.timeout(5_000) })
    return ok
  } catch (error) {
    // fetch tells a closed port by a TypeError and a time-out by a DOMException: not ready, either way.
    if (error instanceof TypeError || error instanceof DOMException) return false
    throw error
  }
}

/**
 * A port that is free, with the `count - 1` after it, for a server that starts later, or twice: below those that the
 * system gives to clients, one of which might take it meanwhile.
 */
export async function freePort(count = 1): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const base = 20_000 + ((process.pid * 7 + tries * 13) % 10_000)
    const wanted = Array.from({ length: count }, (_, at) => base + at)
    if ((await Promise.all(wanted.map(isFree))).every(Boolean)) return base
  }
  throw new Error(`no ${count} ports in a row are free`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
