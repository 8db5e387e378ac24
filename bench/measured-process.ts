import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** What a process has used of the machine so far. */
export interface Usage {
  /** User and system time of all its threads, from its start. */
  readonly cpuSeconds: number
  /** The most memory that it has had resident, MB of 2^20 bytes. */
  readonly peakRssMb: number
}

export interface MeasuredOptions {
  /** This process' own when left out. */
  readonly environment?: NodeJS.ProcessEnv
  /**
   * How often its use is looked at; 20 when not given, for one whose end counts. Each look takes processor time, which
   * is missing to who is measured.
   */
  readonly sampleMs?: number
}

const SAMPLE_MS = 20
const OUTPUT_MAX = 100_000
/** Linux counts processor time in hundredths of a second for programs, whatever its own ticks are. */
const TICKS_PER_SECOND = 100

/** A child process whose use of processor and memory is followed through /proc until it ends. Linux only. */
export class MeasuredProcess {
  readonly exited: Promise<number | NodeJS.Signals>
  readonly #child: ChildProcess
  readonly #command: string
  #usage: Usage = { cpuSeconds: 0, peakRssMb: 0 }
  #stdout = ''
  #stderr = ''

  constructor(
    command: string,
    args: readonly string[],
    { environment = process.env, sampleMs = SAMPLE_MS }: MeasuredOptions = {},
  ) {
    this.#command = [command, ...args].join(' ')
    this.#child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout?.on('data', text => {
      this.#stdout = (this.#stdout + text).slice(-OUTPUT_MAX)
    })
    this.#child.stderr?.on('data', text => {
      this.#stderr = (this.#stderr + text).slice(-OUTPUT_MAX)
    })
    const timer = setInterval(() => this.#sample(), sampleMs)
    this.exited = new Promise((resolve, reject) => {
      this.#child.on('error', reject)
      this.#child.on('close', (code, signal) => resolve(code ?? signal ?? 0))
    })
    this.exited.finally(() => clearInterval(timer)).catch(() => undefined) // told by `exited` itself
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#command} was not started`)
    return this.#child.pid
  }

  get usage(): Usage {
    return this.#usage
  }

  get output(): string {
    return this.#stdout
  }

  /** Asks it to end, and answers when it has. Rejects when it says that it failed. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#child.kill(signal)
    await this.succeeded()
  }

  /** Rejects, with what it wrote to standard error, when it ends with another code than 0. */
  async succeeded(): Promise<void> {
    const code = await this.exited
    if (code !== 0) throw new Error(`${this.#command} ended with ${code}:\n${this.#stderr}`)
  }

  /** Rejects when it ends, however it does: for a process that is not to end by itself. */
  async failed(): Promise<never> {
    await this.succeeded()
    throw new Error(`${this.#command} ended by itself:\n${this.#stderr}`)
  }

  /** For a process that must not outlive its benchmark; no error where it has ended already. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #sample(): void {
    if (this.#child.pid === undefined || this.#child.exitCode !== null) return
    this.#usage = usageOf(this.#child.pid) ?? this.#usage
  }
}

/** `undefined` for a process that has ended. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const cpuSeconds = cpuSecondsOf(pid)
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    if (peak === null) return undefined
    return { cpuSeconds, peakRssMb: Math.round(Number(peak[1]) / 1024) }
  } catch (error) {
    const gone = error instanceof Error && 'code' in error
    if (gone && (error.code === 'ENOENT' || error.code === 'ESRCH')) return undefined
    throw error
  }
}

/** User and system time of a process, or of the thread that asks (`thread-self`), from its start. Linux only. */
export function cpuSecondsOf(pid: number | 'thread-self' | `${number}/task/${number}`): number {
  // The name, in parentheses, may hold spaces; utime and stime are the 14th and 15th fields (proc(5)).
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
