import { readFile } from 'node:fs/promises'
import type { Auth, Secret } from '../collect/poller-source.ts'
import { UserError } from './user-error.ts'

/**
 * The headers that log in at a source. Files are read anew at each call, so a token that expires can be renewed by
 * whatever writes its file. Rejects with a `UserError` where a secret is missing.
 *
 * @param env such as `process.env`
 */
export async function loginOf(
  auth: Auth | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  if (auth === undefined) return {}
  if ('bearer' in auth) return { authorization: `Bearer ${await secretOf(auth.bearer, env)}` }
  if ('header' in auth)
    return { [auth.header.name.toLowerCase()]: await secretOf(auth.header.value, env) }
  const { user, password } = auth.basic
  const name = typeof user === 'string' ? user : await secretOf(user, env)
  const login = Buffer.from(`${name}:${await secretOf(password, env)}`).toString('base64')
  return { authorization: `Basic ${login}` }
}

async function secretOf(
  secret: Secret,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const isEnv = 'env' in secret
  const text = isEnv ? env[secret.env] : await readFile(secret.file, 'utf8')
  const value = text?.trim() ?? ''
  if (/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value)) return value
  const where = isEnv ? `the environment variable ${secret.env}` : secret.file
  throw new UserError(
    'missing_secret',
    `"auth": expected one line of a secret in ${where}, found ${value === '' ? 'nothing' : 'something else'}`,
  )
}
