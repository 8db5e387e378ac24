import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rulesetOf } from '../../collect/rulesets.ts'
import { readWebhooks } from '../../collect/webhook-file.ts'
import { providers } from '../../collect/webhook-providers.ts'
import { world } from '../collect/webhook-world.ts'
import { assert, suite } from '../harness.ts'

const test = suite('docs/WEBHOOKS.md')
let page = ''
test.before(async () => {
  page = await readFile(new URL('../../docs/WEBHOOKS.md', import.meta.url), 'utf8')
})

test('the table tells of each provider what its code says', () => {
  const names: Record<string, string> = { 'Amazon SES': 'ses', 'Customer.io': 'customerio' }
  const rows = page
    .slice(page.indexOf('| provider | what proves it'))
    .split('\n\n')[0]
    ?.split('\n')
    .slice(2)
    .map(row => row.split('|').map(cell => cell.trim()))
  assert.is(rows?.length, providers.length)
  for (const [, title = '', , , , span = '', refused, trouble] of rows ?? []) {
    const name = names[title] ?? title.toLowerCase()
    const provider = providers.find(each => each.name === name)
    const [, amount = '', unit = ''] = /^([\d.]+) (h|d)$/.exec(span) ?? []
    assert.is(provider?.repeatMs, Number(amount) * (unit === 'd' ? 24 : 1) * 3_600_000, title)
    assert.equal(
      [String(provider?.refusedStatus), String(provider?.troubleStatus)],
      [refused, trouble],
    )
  }
})

test('its examples are read as they stand', async () => {
  const [file = '', rules = ''] = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(
    ([, json]) => json,
  )
  assert.is(rulesetOf(JSON.parse(rules)).id, 'shop-2026-12')
  const folder = await mkdtemp(join(tmpdir(), 'millrace-webhooks-page-'))
  try {
    const path = join(folder, 'webhooks.json')
    await writeFile(path, file, { mode: 0o600 })
    await writeFile(join(folder, 'mailgun.secret'), 'a secret', { mode: 0o600 })
    const environment = { SENDGRID_VERIFICATION_KEY: 'a key', MANDRILL_KEY: 'a key' }
    const entries = await readWebhooks(path, environment)
    assert.is(entries.length, 5)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('its example is answered as it says', async () => {
  const [, url = '', user = '', payload = '', answer = ''] =
    /curl http:\/\/[^/]+(\S+) -u (\S+) .* -d '(.*)'\n {4}(.*)/.exec(page) ?? []
  const provider = providers.find(({ name }) => name === 'postmark')
  assert.ok(provider)
  const secret = user.split(':')[1] ?? ''
  const entry = { provider, name: '', source: 'postmark', secrets: [secret], username: 'postmark' }
  const doors = world({ ...entry, userIdField: 'user_id', keepAddress: false })
  const authorization = `Basic ${btoa(user)}`
  const headers = { authorization, 'content-type': 'application/json' }
  const { statusCode, body } = await doors.app.inject({ method: 'POST', url, payload, headers })
  assert.equal([statusCode, body], [200, answer])
  assert.equal([doors.events[0]?.event, doors.events[0]?.userId], ['Email Opened', 'me'])
})

test.run()
