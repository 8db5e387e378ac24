/**
 * `npm run test:redpanda`: the suites of test/kafka.list on the Redpanda of docker-compose.yml, in a container of its own
 * that is removed afterwards. Where Docker is missing nothing is run, and the last line says so: `0 passed, 0 failed,
 * N skipped`, N being files.
 *
 *     node test/redpanda/run.ts [FILTER…]
 */
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pullMsMax = 300_000
const startMsMax = 90_000
/** These start a Kafka of their own. */
const kafkaOnly = ['test/kafka/secure.test.ts', 'test/kafka/broker-killed.test.ts']

const files = readFileSync(`${root}/test/kafka.list`, 'utf8')
  .split('\n')
  .filter(line => line.endsWith('.test.ts') && !kafkaOnly.includes(line))
process.exitCode = await main(process.argv.slice(2))

async function main(filters: string[]): Promise<number> {
  const missing = dockerFault(['version', '--format', '{{.Server.Version}}'], 20_000)
  if (missing !== undefined) {
    console.log(`\n  NOT RUN: the suites on Redpanda need Docker, and it is not here: ${missing}\n`)
    console.log(`0 passed, 0 failed, ${files.length} skipped`)
    return 0
  }
  const { services } = parse(readFileSync(`${root}/docker-compose.yml`, 'utf8'), { merge: true })
  const image: string = services.redpanda.image
  console.log(`--- starting ${image}`)
  const pulled = dockerFault(['pull', '--quiet', image], pullMsMax)
  if (pulled !== undefined) return broken(`the image cannot be had: ${pulled}`)

  const port = await freePort()
  const name = `millrace-redpanda-${process.pid}`
  const remove = () => void spawnSync('docker', ['rm', '--force', name], { timeout: 30_000 })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      remove()
      process.exit(130)
    })
  try {
    const start = [
      ...['run', '--detach', '--name', name, '--publish', `127.0.0.1:${port}:9092`, image],
      ...['redpanda', 'start', '--smp=1', '--memory=1G', '--reserve-memory=0M', '--check=false'],
      ...['--overprovisioned', '--node-id=0', '--kafka-addr=PLAINTEXT://0.0.0.0:9092'],
      `--advertise-kafka-addr=PLAINTEXT://127.0.0.1:${port}`,
    ]
    const fault = dockerFault(start, 60_000) ?? (await healthFault(name))
    if (fault !== undefined) return broken(`Redpanda does not start: ${fault}`)
    return await runSuites(`127.0.0.1:${port}`, filters.length > 0 ? filters : files)
  } finally {
    remove()
  }
}

async function healthFault(name: string): Promise<string | undefined> {
  const until = performance.now() + startMsMax
  for (;;) {
    const health = ['exec', name, 'sh', '-c', "rpk cluster health | grep -E 'Healthy:.+true'"]
    const fault = dockerFault(health, 15_000)
    if (fault === undefined || performance.now() > until) return fault
    await new Promise(resolve => setTimeout(resolve, 1_000))
  }
}

function runSuites(brokers: string, filters: string[]): Promise<number> {
  const runner = ['--import', './bin/typescript.js', 'test/run.ts', '--only', 'test/kafka.list']
  const chosen = filters.length > 0 ? filters : files
  const child = spawn(process.execPath, [...runner, '--file-timeout', '2400', ...chosen], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, BROKERS: brokers },
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', code => resolve(code ?? 1))
  })
}

/** Why a docker command did not succeed, in one line; `undefined`: it did. */
function dockerFault(args: string[], timeout: number): string | undefined {
  const { status, error, stderr } = spawnSync('docker', args, { encoding: 'utf8', timeout })
  if (status === 0) return undefined
  const said = stderr?.trim().split('\n').at(-1)
  return error?.message ?? (said || `docker ${args[0]} ended with ${status}`)
}

function broken(reason: string): number {
  console.log(`\n  ${reason}\n\n0 passed, 1 failed`)
  return 1
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
