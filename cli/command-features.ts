import type { Command } from 'commander'
import type { CommandContext } from './context.ts'
import { addServerFlags, type ListenFlags } from './flags.ts'
import { UserError } from './user-error.ts'

const TIMEOUT_MS = 10_000

/** `millrace features <user>`: asks a running sidecar, and prints its answer. */
export function registerFeatures(program: Command, context: CommandContext): void {
  const command = program
    .command('features')
    .description("print one user's features, as a sidecar (millrace serve) answers them")
    .argument('<user>', 'user id')
  addServerFlags(command, 8080).action(async (user: string, flags: ListenFlags) => {
    const row = await fetchFeatures(user, flags, context.signal)
    context.print(JSON.stringify(row, null, 2))
  })
}

/** The sidecar's row of one user. Rejects with a `UserError` for an unknown user and where no sidecar answers. */
export async function fetchFeatures(
  user: string,
  { host, port }: ListenFlags,
  signal: AbortSignal,
): Promise<unknown> {
  const origin = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  const url = `${origin}/v1/users/${encodeURIComponent(user)}/features`
  const limits = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
  const response = await fetch(url, { signal: limits }).catch((error: unknown) => {
    throw noAnswer(origin, error)
  })
  if (response.status === 404)
    throw new UserError('unknown_user', `no features of user "${user}" at ${origin}`)
  const body = await response.text()
  if (!response.ok) {
    throw new UserError(
      'sidecar_refused',
      `${url} answered ${response.status}: ${body.slice(0, 200)}`,
    )
  }
  try {
    return JSON.parse(body)
  } catch (error) {
    throw new UserError(
      'no_sidecar',
      `${url} answered something that is not JSON: is it a sidecar?`,
      error,
    )
  }
}

function noAnswer(origin: string, error: unknown): UserError {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ECONNREFUSED') {
    return new UserError(
      'no_sidecar',
      `nothing listens at ${origin}: start it with "millrace serve", or give --port`,
      error,
    )
  }
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new UserError('no_sidecar', `no answer from ${origin}: ${reason}`, error)
}
