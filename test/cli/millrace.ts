import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Millrace {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves with all that was printed so far, once it fits; rejects when the process ends before. */
  printed(pattern: RegExp): Promise<string>
}

const program = fileURLToPath(new URL('../../bin/millrace.js', import.meta.url))

/** Starts `millrace` from source in a process of its own, with nothing of this one's MILLRACE_ variables. */
export function startMillrace(args: readonly string[], env: Record<string, string> = {}): Millrace {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(MILLRACE_|BROKERS$)/.test(name),
  )
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), ...env },
  })
  let stdout = ''
  let stderr = ''
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', chunk => {
    stdout += chunk
    for (const look of waiting) look()
  })
  child.stderr.setEncoding('utf8').on('data', chunk => {
    stderr += chunk
    for (const look of waiting) look()
  })
  const ended = new Promise<Ended>(resolve => {
    child.on('close', code => resolve({ code, stdout, stderr }))
  })
  const printed = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        if (!pattern.test(stdout + stderr)) return
        waiting.delete(look)
        resolve(stdout + stderr)
      }
      waiting.add(look)
      look()
      ended.then(() => reject(new Error(`ended before it printed ${pattern}:\n${stdout}${stderr}`)))
    })
  return { child, ended, printed }
}

export function millrace(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ended> {
  return startMillrace(args, env).ended
}
