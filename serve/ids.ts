import { Problem } from '../http/problem.ts'

const ID_CHARS_MAX = 1_024

/** A user's id as it was sent, once; any other that can be nobody's is refused with 400. */
export function userIdOf(sent: string | readonly string[]): string {
  if (typeof sent !== 'string')
    throw new Problem(400, 'one_user', 'this asks for one user: give the parameter once')
  if (sent.length <= ID_CHARS_MAX) return sent
  const detail = `a user id has at most ${ID_CHARS_MAX} characters, this one has ${sent.length}`
  throw new Problem(400, 'id_too_long', detail)
}
