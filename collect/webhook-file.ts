import { resolve } from 'node:path'
import { FileFields, parseFile } from '../http/file-fields.ts'
import { readSecretFile } from '../http/secret-file.ts'
import { rawOf } from './webhook-fields.ts'
import type { Provider } from './webhook-provider.ts'
import { providers } from './webhook-providers.ts'

/** One entry of the file of webhooks, its secrets read. */
export interface WebhookEntry {
  readonly provider: Provider
  /** '' where a provider has only one: its URL is then /v1/webhooks/<provider>. */
  readonly name: string
  /** What the events' source is called, in metrics and in the tracking plan's rules. */
  readonly source: string
  /** Never in a log, a metric or an error. */
  readonly secrets: readonly string[]
  readonly username?: string
  readonly url?: string
  readonly topics?: readonly string[]
  /** `user_id` where the entry does not say. */
  readonly userIdField: string
  readonly keepAddress: boolean
}

const WEBHOOKS_MAX = 200
const SECRETS_MAX = 4
const SECRET_CHARS_MAX = 4_096
const TOPICS_MAX = 50
const KNOWN = ['provider', 'name', 'source', 'secret', 'secretEnv', 'secretFile']
const OPTIONS = ['username', 'url', 'topics', 'userIdField', 'keepAddress']
const NAME = /^[\w-]{1,64}$/
const NAME_EXPECTED = '1 to 64 letters, digits, "-" or "_"'

/**
 * The file of `--webhooks`: a JSON list with an object for each webhook. A secret stands in `secret`, in the environment
 * variable `secretEnv`, or in the file `secretFile`, whose path is taken from the folder of this one. Rejects with a
 * `SecretFileError` that names the place and the remedy, and no secret.
 */
export async function readWebhooks(
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly WebhookEntry[]> {
  const { text } = await readSecretFile(path, 'hashes')
  const list = parseFile(text, path)
  const whole = new FileFields({ webhooks: list }, path, '', ['webhooks'])
  const entries: WebhookEntry[] = []
  for (const [at, value] of (whole.list('webhooks', WEBHOOKS_MAX) ?? []).entries()) {
    const entry = await entryOf(value, path, `webhooks[${at}]`, environment)
    const taken = entries.find(each => pathOf(each) === pathOf(entry))
    if (taken !== undefined)
      throw whole.fault(`webhooks[${at}].name`, `one that no other ${entry.provider.name} has`, 1)
    entries.push(entry)
  }
  return entries
}

/** The webhook's path on this server. */
export function pathOf({ provider, name }: Pick<WebhookEntry, 'provider' | 'name'>): string {
  return `/v1/webhooks/${provider.name}${name === '' ? '' : `/${name}`}`
}

async function entryOf(
  value: unknown,
  path: string,
  where: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<WebhookEntry> {
  const fields = new FileFields(value, path, where, [...KNOWN, ...OPTIONS])
  const optional = (name: string, expected: string, fits: RegExp) =>
    rawOf(value)[name] === undefined ? undefined : fields.text(name, expected, fits)

  const names = providers.map(({ name }) => name)
  const found = fields.text('provider', `one of ${names.join(', ')}`, /^[a-z]{1,20}$/)
  const provider = providers.find(({ name }) => name === found)
  if (provider === undefined) throw fields.fault('provider', `one of ${names.join(', ')}`, found)

  const name = optional('name', NAME_EXPECTED, NAME) ?? ''
  const source = optional('source', NAME_EXPECTED, NAME)
  const userIdField = optional('userIdField', NAME_EXPECTED, NAME) ?? 'user_id'
  const username = optional('username', 'a name without a colon', /^[^:\s]{1,200}$/)
  const url = optional('url', 'the URL as the provider has it', /^https?:\/\/\S{1,2000}$/)
  const topics = fields.texts('topics', TOPICS_MAX, text =>
    /^arn:aws[\w-]*:sns:[\w-]+:\d{12}:[\w.-]+$/.test(text) ? undefined : 'the ARN of an SNS topic',
  )
  const options = { username, url, topics }
  for (const [option, given] of Object.entries(options)) {
    const needed = provider.needs.some(each => each === option)
    if (needed && (given === undefined || given.length === 0))
      throw fields.fault(option, `needed by ${provider.name}`, undefined)
    if (!needed && !provider.takes?.some(each => each === option))
      fields.refuse(option, `is not for ${provider.name}`)
  }
  return {
    provider,
    name,
    source: source ?? (name === '' ? provider.name : `${provider.name}-${name}`),
    secrets: await secretsOf(value, fields, provider, environment),
    userIdField,
    keepAddress: fields.flag('keepAddress') ?? false,
    ...(username !== undefined && { username }),
    ...(url !== undefined && { url }),
    ...(topics !== undefined && { topics }),
  }
}

async function secretsOf(
  value: unknown,
  fields: FileFields,
  provider: Provider,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  const ways = ['secret', 'secretEnv', 'secretFile'] as const
  if (provider.secretless) {
    for (const way of ways) fields.refuse(way, `is not for ${provider.name}`)
    return []
  }
  const given = ways.filter(way => rawOf(value)[way] !== undefined)
  const [way] = given
  if (way === undefined || given.length > 1)
    throw fields.fault('secret', 'given in one way: secret, secretEnv or secretFile', undefined)
  const raw = rawOf(value)[way]
  const texts = new FileFields(
    { [way]: Array.isArray(raw) ? raw : [raw] },
    fields.path,
    fields.where,
    [way],
  ).texts(way, SECRETS_MAX, text =>
    text !== '' && text.length <= SECRET_CHARS_MAX ? undefined : 'a text',
  )
  if (way === 'secret') await readSecretFile(fields.path, 'secrets')
  const secrets: string[] = []
  for (const [at, text] of (texts ?? []).entries()) {
    const secret =
      way === 'secret'
        ? text
        : way === 'secretEnv'
          ? environment[text]
          : (await readSecretFile(resolve(fields.path, '..', text), 'secrets')).text
    if (secret === undefined || secret.trim() === '')
      throw fields.fault(
        `${way}[${at}]`,
        `the name of ${way === 'secretEnv' ? 'a variable' : 'a file'} with a secret`,
        undefined,
      )
    secrets.push(secret.trim())
  }
  if (secrets.length === 0) throw fields.fault(way, 'at least one secret', [])
  return secrets
}
