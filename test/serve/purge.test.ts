import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/clock.ts'
import { noTelemetry } from '../../runtime/telemetry.ts'
import { readPurgeFile } from '../../serve/purge-file.ts'
import { Purger } from '../../serve/purger.ts'
import { segmentTag, userTag } from '../../serve/surrogate.ts'
import { assert, rejects, suite } from '../harness.ts'
import { DeskWorld, keyOf, row } from './desk-world.ts'

const test = suite('telling a CDN', { timeoutMs: 30_000 })
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
interface Told {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
const told: Told[] = []
let failures = 0
const cdn = createServer(async (request, response) => {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const body = Buffer.concat(parts).toString()
  if (failures-- > 0) return response.writeHead(503).end()
  told.push({ path: request.url ?? '', headers: request.headers, body })
  return response.writeHead(200).end('{}')
})
const folder = await mkdtemp(join(tmpdir(), 'millrace-purge-'))
const world = await DeskWorld.open()
let base = ''

test.before(async () => {
  await new Promise<void>(resolve => cdn.listen(0, '127.0.0.1', resolve))
  const address = cdn.address()
  base = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : ''
})
test.after(async () => {
  cdn.closeAllConnections()
  cdn.close()
  await world.close()
  await rm(folder, { recursive: true, force: true })
})
test.before.each(() => {
  told.length = 0
  failures = 0
})

async function hookOf(file: unknown) {
  const path = join(folder, 'purge.json')
  await writeFile(path, typeof file === 'string' ? file : JSON.stringify(file))
  return readPurgeFile(path, { TOKEN: 'secret' })
}

/** Lets rows change before a purger, and answers what the CDN was told. */
async function tellOf(
  file: object,
  change: (tell: (user: string | undefined, segments?: string[]) => void) => void,
) {
  let listener: (user: string | undefined, segments: readonly string[]) => void = () => undefined
  const features = {
    onChange: (its: typeof listener) => {
      listener = its
      return () => undefined
    },
  }
  const hook = await hookOf({ ...file, base, tokenEnv: 'TOKEN' })
  const purger = new Purger({
    hook,
    features,
    clock: systemClock,
    logger: silent,
    telemetry: noTelemetry,
  })
  change((user, segments = []) => listener(user, segments))
  purger.start()
  for (let waited = 0; told.length === 0 && waited < 10_000; waited += 50)
    await systemClock.sleep(50)
  await purger.stop()
}

test('Fastly is told the keys of whoever changed, and of segments entered or left', async () => {
  await tellOf({ cdn: 'fastly', service: 'svc' }, tell => {
    tell('anna', ['loyal'])
    tell('anna')
    tell('bert', ['at risk'])
  })
  assert.is(told[0]?.path, '/service/svc/purge')
  assert.is(told[0]?.headers['fastly-key'], 'secret')
  const keys = [userTag('anna'), 's-loyal', userTag('bert'), segmentTag('at risk')]
  assert.equal(String(told[0]?.headers['surrogate-key']).split(' '), keys)
})

test('Cloudflare is told tags, thirty at a time', async () => {
  await tellOf({ cdn: 'cloudflare', zone: 'z' }, tell => {
    for (let n = 0; n < 35; n++) tell(`user ${n}`)
  })
  assert.is(told[0]?.path, '/client/v4/zones/z/purge_cache')
  assert.is(told[0]?.headers.authorization, 'Bearer secret')
  assert.is(JSON.parse(told[0]?.body ?? '').tags.length, 30)
  assert.is(JSON.parse(told[1]?.body ?? '').tags.length, 5)
})

test('after a reset, and where too many changed, everything is purged', async () => {
  await tellOf({ cdn: 'webhook', url: `${base}/hook` }, tell => tell(undefined))
  assert.equal(JSON.parse(told[0]?.body ?? ''), { everything: true })
  told.length = 0
  await tellOf({ cdn: 'webhook', url: `${base}/hook` }, tell => {
    for (let n = 0; n < 20_001; n++) tell(`user ${n}`)
  })
  assert.equal(JSON.parse(told[0]?.body ?? ''), { everything: true })
})

test('a hook that fails is tried again', async () => {
  failures = 1
  await tellOf({ cdn: 'webhook', url: `${base}/hook` }, tell => tell('anna'))
  assert.equal(JSON.parse(told[0]?.body ?? ''), { tags: [userTag('anna')] })
})

test('answers carry their tags only where a CDN is told of changes', async () => {
  const features = await world.view('email.features', [row('anna', {}, ['loyal'])], keyOf)
  const views = { features, products: undefined, catalogue: undefined }
  const url = '/v1/users/anna/features'
  const without = world.app(views)
  assert.is((await without.inject({ url })).headers['surrogate-key'], undefined)
  const edge = world.app({ ...views, edgeSeconds: 60 })
  const { headers } = await edge.inject({ url })
  assert.is(headers['surrogate-control'], 'max-age=60')
  assert.is(headers['surrogate-key'], `${userTag('anna')} s-loyal`)
  assert.is(headers['cache-tag'], `${userTag('anna')},s-loyal`)
  assert.match(String(headers['cache-control']), 'private')
  assert.not.match(userTag('anna'), 'anna')
  const tag = (await edge.inject({ url: `${url}?fields=a` })).headers.etag
  assert.is.not(tag, headers.etag)
  await Promise.all([without.close(), edge.close()])
})

for (const [what, file, message] of [
  ['that is no JSON', '{', /cannot be read as JSON/],
  ['without a CDN', {}, /"cdn" is fastly, cloudflare or webhook/],
  ['without its service', { cdn: 'fastly' }, /"service" is missing: write "service":/],
  ['whose token is not there', { cdn: 'webhook', url: 'x', tokenEnv: 'NONE' }, /has no NONE/],
] as const)
  test(`a file ${what} is refused`, async () => {
    await rejects(() => hookOf(file), message)
  })

test.run()
