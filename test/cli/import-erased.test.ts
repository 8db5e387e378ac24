import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ErasedList, nowhere } from '../../cli/erased-list.ts'
import { importRows } from '../../cli/import.ts'
import { startOf } from '../../cli/import-position.ts'
import type { GoodRow } from '../../cli/import-rows.ts'
import { isErasedInFile } from '../../cli/past-identities.ts'
import { erasedHash } from '../../runtime/erased.ts'
import { quickClock } from '../collect/quick-clock.ts'
import { assert, suite } from '../harness.ts'

const test = suite('import, of users who were erased')

test('rows of before are left out, and those that say no time; who came back is taken', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-import-'))
  const positionPath = join(folder, 'position.json')
  const erased = new ErasedList()
  erased.add(erasedHash('ann'), { ...nowhere, appendedAt: Date.parse('2026-02-01') })
  const taken: Record<string, unknown>[] = []
  try {
    const position = await importRows({
      ...{ kind: 'profiles', name: 'profiles-1', positionPath, clock: quickClock() },
      rows: rowsOf(
        { userId: 'ann', timestamp: '2026-01-01T00:00:00Z' },
        { userId: 'ann' },
        { userId: 'ann', timestamp: '2026-03-01T00:00:00Z' },
        { userId: 'bob', timestamp: '2026-01-01T00:00:00Z' },
        { anonymousId: 'ann' },
      ),
      from: (await startOf(positionPath, 'digest', false)).position,
      signal: new AbortController().signal,
      onBadLine: () => assert.unreachable('a row is bad'),
      onProgress: () => undefined,
      isErased: row => isErasedInFile(erased, row, Date.parse('2026-04-01')),
      client: {
        async send(_path, body) {
          const rows: Record<string, unknown>[] = JSON.parse(body).profiles
          taken.push(...rows)
          return { accepted: rows.length, rejected: [] }
        },
      },
    })
    assert.equal(
      taken.map(({ userId, timestamp }) => [userId, timestamp]),
      [
        ['ann', '2026-03-01T00:00:00Z'],
        ['bob', '2026-01-01T00:00:00Z'],
      ],
    )
    const { rows, accepted, bad, erased: leftOut } = position
    assert.equal({ rows, accepted, bad, leftOut }, { rows: 5, accepted: 2, bad: 0, leftOut: 3 })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test.run()

async function* rowsOf(...rows: readonly GoodRow['row'][]): AsyncGenerator<GoodRow> {
  for (const [at, row] of rows.entries()) yield { line: at + 1, row }
}
