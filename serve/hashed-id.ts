import { createHmac } from 'node:crypto'

/**
 * What stands for a user's id where the id itself is not to stand: `h:` and 27 characters of HMAC-SHA256. Who has the
 * secret and the id finds it again; from the lines alone nobody can tell whose they are.
 *
 * @param secret never changes, so that old lines are found, too
 */
export function hashedIds(secret: Uint8Array): (user: string) => string {
  const key = createHmac('sha256', secret).update('millrace audit').digest()
  return user => `h:${createHmac('sha256', key).update(user).digest('base64url').slice(0, 27)}`
}
