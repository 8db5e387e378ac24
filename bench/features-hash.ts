import { createHash } from 'node:crypto'
import type { UserFeatures } from './naive.ts'

/**
 * One hash for the features of all users, whatever the order they come in. Money is rounded to cents,
 * since it is a sum of doubles whose order of addition may differ.
 */
export function hashOfFeatures(features: Iterable<UserFeatures>): string {
  const lines = Array.from(features, line).sort()
  const hash = createHash('sha256')
  for (const text of lines) hash.update(text).update('\n')
  return hash.digest('hex').slice(0, 16)
}

function line(features: UserFeatures): string {
  const { user, views7d, purchases7d, spend7d, count, lastTs, last10 } = features
  return JSON.stringify([
    user,
    views7d,
    purchases7d,
    Math.round(spend7d * 100),
    count,
    lastTs,
    last10,
  ])
}
