import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { assert, suite } from '../harness.ts'
import { millrace } from './millrace.ts'

const test = suite('millrace check', { timeoutMs: 120_000 })
let folder = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-check-'))
})
test.after(() => rm(folder, { recursive: true }))

const language = pathToFileURL('jobs/define-job.ts').href

async function jobFile(name: string, features: string): Promise<string> {
  const path = join(folder, `${name}.ts`)
  const words = 'after, count, defineJob, derive, histogram, sum, topK'
  await writeFile(
    path,
    `import { ${words} } from '${language}'
export default defineJob({ name: '${name}', input: 'events', features: { ${features} },
  triggers: { left: after('1h', { from: 'Product Added', unless: 'Order Completed' }) } })`,
  )
  return path
}

test('a job and a sample: its features, paths that no event has, and what would be dead, counted', async () => {
  const job = await jobFile(
    'shop',
    `views: count({ of: 'Product Viewd', over: '7d', every: '1h' }),
     spend: sum({ of: 'Order Completed', value: 'revenue' }),
     likes: topK({ value: 'category.name', optional: true, k: 3 }),
     hours: histogram({ by: 'hour' }),
     twice: derive({ from: 'spend', value: spend => 2 * spend })`,
  )
  const event = (id: number, name: string, properties: object, more = {}) =>
    JSON.stringify({
      ...{ messageId: `m${id}`, userId: 'u1', event: name, properties },
      ...{ timestamp: '2026-01-01T00:00:00Z', ...more },
    })
  const sample = join(folder, 'events.ndjson')
  await writeFile(
    sample,
    [
      event(1, 'Product Viewed', { category: 'toys' }),
      event(2, 'Order Completed', { revenue: 10 }),
      event(2, 'Order Completed', { revenue: 10 }),
      event(3, 'Order Completed', { revenue: '10.50' }),
      event(4, 'Order Completed', { revenue: '11.50' }),
      event(5, 'Product Added', {}, { userId: undefined }),
      '{"userId": ',
      '',
      event(6, 'Product Added', { category: 'toys' }),
    ].join('\n'),
  )

  const { code, stdout, stderr } = await millrace(['check', job, '--sample', sample])

  assert.is(stderr, '')
  assert.is(code, 0)
  for (const words of [
    'job shop reads events: 5 features, 0 segments, 1 trigger',
    /spend +sum +revenue +of Order Completed/,
    /views +count +of Product Viewd +in 7d by 1h/,
    /left +after +of Order Completed, Product Added/,
    '8 events',
    '3 taken, 4 dead, 0 late, 1 repeated',
    '2 × bad_value, first in line 4: feature "spend"',
    "found string '10.50'",
    '1 × no_user, first in line 6',
    '1 × not_decodable, first in line 7',
    `feature "views": no event of the sample is named 'Product Viewd'; it has Order Completed, Product Added, Product Viewed`,
    `feature "likes": none of its 7 events has properties.category.name (value: 'category.name'); they have category, revenue`,
  ])
    assert.ok(
      typeof words === 'string' ? stdout.includes(words) : words.test(stdout),
      `${words} in:\n${stdout}`,
    )
  assert.is(stdout.match(/warning:/g)?.length, 2)
})

test('a wrong definition is one line that names the feature, and exit code 1', async () => {
  const job = await jobFile('wrong', "views: count({ over: '7d', every: '5h' })")
  const { code, stderr } = await millrace(['check', job])
  assert.is(code, 1)
  assert.match(
    stderr,
    /^millrace: job "wrong", feature "views": [^\n]+ whole number of tiles [^\n]+\n$/,
  )
})

test('--limit ends the reading, and a sample that is not there is told', async () => {
  const job = await jobFile('small', 'all: count({})')
  const sample = join(folder, 'many.ndjson')
  const line = JSON.stringify({ userId: 'u', timestamp: 1_700_000_000_000, event: 'Product Added' })
  await writeFile(sample, `${line}\n`.repeat(10))
  const { stdout } = await millrace(['check', job, '--sample', sample, '--limit', '4'])
  assert.match(stdout, /4 events \(the rest was not read: --limit\)\n {2}4 taken, 0 dead/)
  const { code, stderr } = await millrace(['check', job, '--sample', '/no/such'])
  assert.is(code, 1)
  assert.match(stderr, '/no/such does not exist')
})

test('a job that sends to another one is told what a chain may be', async () => {
  const { code, stdout } = await millrace(['check', 'pairs'])
  assert.is(code, 0)
  assert.match(stdout, /\n {2}sends to product-pairs: .*a chain has two jobs/)
})

test.run()
