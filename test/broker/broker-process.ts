import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A broker in a process of its own, so that it can be killed. */
export interface BrokerProcess {
  readonly address: string
  readonly process: ChildProcess
  kill(): Promise<void>
  /** Ends it in order; rejects when it does not. */
  stop(): Promise<void>
}

const loader = new URL('../../bin/typescript.js', import.meta.url).href
const program = fileURLToPath(new URL('./broker-main.ts', import.meta.url))

export async function spawnBroker(
  folder: string,
  nodeFlags: readonly string[] = [],
): Promise<BrokerProcess> {
  const child = spawn(process.execPath, [...nodeFlags, '--import', loader, program, folder], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const address = await Promise.race([
    once(child, 'message').then(([message]) => String(message)),
    once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`the broker ended with ${code}`)),
    ),
  ])
  return {
    address,
    process: child,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
    async stop() {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      const [code, signal] = await exited
      if (code !== 0) throw new Error(`asked to stop, the broker ended with ${code ?? signal}`)
    },
  }
}
