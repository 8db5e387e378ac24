import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addressesOf } from '../../collect/address.ts'
import { pathOf, readWebhooks } from '../../collect/webhook-file.ts'
import { Seen } from '../../collect/webhook-seen.ts'
import { assert, rejects, suite } from '../harness.ts'
import { DoorWorld } from './door-world.ts'
import { sendgridKey, snsTopic } from './webhook-senders.ts'

const test = suite('the file of webhooks')
let folder = ''
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-webhooks-'))
})
test.after(() => rm(folder, { recursive: true }))

async function read(content: unknown, environment: Record<string, string> = {}, mode = 0o600) {
  const path = join(folder, `webhooks-${Math.abs(mode)}-${JSON.stringify(content).length}.json`)
  await rm(path, { force: true })
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  await writeFile(path, text, { mode })
  return await readWebhooks(path, environment)
}

test('a webhook has its own path, source and secrets, from the file, a variable or another file', async () => {
  await writeFile(join(folder, 'postmark.secret'), 'from a file\n', { mode: 0o600 })
  const entries = await read(
    [
      { provider: 'sendgrid', secretEnv: ['OLD', 'NEW'] },
      { provider: 'sendgrid', name: 'eu', source: 'mail-eu', secret: sendgridKey },
      { provider: 'postmark', username: 'us', secretFile: 'postmark.secret', keepAddress: true },
      { provider: 'ses', topics: [snsTopic], userIdField: 'uid' },
      { provider: 'sparkpost', secret: 'bearer' },
    ],
    { OLD: 'old', NEW: 'new' },
  )
  assert.equal(
    entries.map(entry => [pathOf(entry), entry.source, entry.secrets]),
    [
      ['/v1/webhooks/sendgrid', 'sendgrid', ['old', 'new']],
      ['/v1/webhooks/sendgrid/eu', 'mail-eu', [sendgridKey]],
      ['/v1/webhooks/postmark', 'postmark', ['from a file']],
      ['/v1/webhooks/ses', 'ses', []],
      ['/v1/webhooks/sparkpost', 'sparkpost', ['bearer']],
    ],
  )
  assert.equal([entries[2]?.keepAddress, entries[3]?.userIdField], [true, 'uid'])
})

test('a file that is wrong says where, what was expected and nothing of a secret', async () => {
  const secret = 'sup3rsecretsup3rsecretsup3rsecret'
  const wrong = async (entry: unknown, message: RegExp) => {
    const error = await rejects(() => read([entry]), message)
    assert.not.ok(error.message.includes(secret), error.message)
  }
  await wrong({ provider: 'sendgird', secret }, /webhooks\[0\]\.provider is one of customerio, /)
  await wrong({ provider: 'mailgun' }, /webhooks\[0\]\.secret is given in one way/)
  await wrong({ provider: 'mailgun', secret, secretEnv: 'X' }, /secret is given in one way/)
  await wrong(
    { provider: 'mailgun', secretEnv: 'NONE' },
    /secretEnv\[0\] is the name of a variable/,
  )
  await wrong({ provider: 'mailgun', secretFile: 'none' }, /none does not exist/)
  await wrong({ provider: 'mailgun', secret: 7 }, /secret\[0\] is a text, not 7/)
  await wrong({ provider: 'mailgun', secret, secrte: secret }, /there is no field "secrte"/)
  await wrong({ provider: 'mandrill', secret }, /url is needed by mandrill/)
  await wrong({ provider: 'mailgun', secret, url: 'https://x' }, /url is not for mailgun/)
  await wrong({ provider: 'ses', secret, topics: [snsTopic] }, /secret is not for ses/)
  await wrong({ provider: 'ses', topics: ['mail'] }, /topics\[0\] is the ARN of an SNS topic/)
  await wrong({ provider: 'mailgun', secret, name: 'a/b' }, /name is 1 to 64 letters/)
  await wrong([secret], /webhooks\[0\] is an object/)
  const twice = [
    { provider: 'mailgun', secret },
    { provider: 'mailgun', secret },
  ]
  await rejects(() => read(twice), /webhooks\[1\]\.name is one that no other mailgun has/)
  await rejects(() => read(`[{"secret":"${secret}`), /is no JSON: something is wrong at line 1/)
  await rejects(() => read([{ provider: 'mailgun', secret }], {}, 0o644), /chmod 600/)
})

test('a secret that its provider cannot have given out is told at the start, by path', () => {
  const addresses = addressesOf('a secret of thirty-two bytes, or more')
  const opened = async (provider: string, secret: string) => {
    const webhooks = await read([{ provider, secret }])
    return new DoorWorld({ webhooks: { webhooks, addresses } })
  }
  return Promise.all([
    rejects(
      () => opened('sendgrid', 'no key'),
      /secret of the webhook \/v1\/webhooks\/sendgrid is/,
    ),
    rejects(() => opened('resend', 'whsec_short'), /at least 16 bytes in base64/),
  ])
})

test('ids are remembered as long as they may come again, and no more than the bound', () => {
  const seen = new Seen(1_000, 3)
  seen.add('a', 0)
  assert.ok(seen.has('a', 999))
  assert.not(seen.has('a', 1_000))
  for (const id of ['b', 'c', 'd', 'e']) seen.add(id, 10)
  assert.equal([seen.has('b', 10), seen.has('c', 10), seen.size], [false, true, 3])
  seen.add('f', 2_000)
  assert.is(seen.size, 1)
})

test.run()
