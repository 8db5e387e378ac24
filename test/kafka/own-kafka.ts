import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../runtime/clock.ts'
import { skip } from '../harness.ts'

/** A Kafka that a test starts for itself. */
export interface OwnKafka {
  /** Ends it as `kill -9` does; resolves when it is gone. */
  kill(): Promise<void>
}

/** Skips the suite where one of these is not installed. */
export function needs(...tools: string[]): void {
  for (const tool of tools) if (spawnSync('which', [tool]).status !== 0) skip(`${tool} is not here`)
}

/** @param script `start` or `start-secure`, whose data and first port these are */
export async function startKafka(
  script: 'start' | 'start-secure',
  port: number,
  folder: string,
): Promise<OwnKafka> {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const started = await lines(spawn(path, [String(port), folder]))
  const pid = Number(/KAFKA_PID=(\d+)/.exec(started)?.[1])
  return {
    async kill() {
      if (existsSync(`/proc/${pid}/stat`)) process.kill(pid, 'SIGKILL')
      for (let tries = 0; tries < 200 && existsSync(`/proc/${pid}/stat`); tries++)
        await systemClock.sleep(50)
    },
  }
}

/** All that a script prints; rejects when it fails. */
function lines(child: ChildProcess): Promise<string> {
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', chunk => {
      output += chunk
    })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', code => (code === 0 ? resolve(output) : reject(new Error(output))))
  })
}
