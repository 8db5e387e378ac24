import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pack } from 'msgpackr'
import { readSetAside, type SetAsideRecord } from '../../cli/set-aside.ts'
import { withFolder } from '../collect/sink-world.ts'
import { asideFolder, setAsideAt } from '../collect/spool-world.ts'
import { assert, suite } from '../harness.ts'

const test = suite('what no topic took')

test('is read from the files of all collectors here, in order, though one is still being written', () =>
  withFolder(async data => {
    const event = { type: 'track', event: 'Seen', userId: 'ann' }
    await setAsideAt(data, '1', [pack(event), pack({ ...event, userId: 'bob' })])
    await setAsideAt(data, '2', ['no msgpack \xff'])
    await appendFile(
      join(asideFolder(data, '1'), '000000000001.spool'),
      Buffer.from([0, 0, 1, 0, 9]),
    )
    const read = await all(data)
    assert.equal(
      read.map(({ topic, key, event, file }) => [topic, key, event, file.split('/').at(-3)]),
      [
        ['events', 'key-0', event, '1'],
        ['events', 'key-1', { ...event, userId: 'bob' }, '1'],
        ['events', 'key-0', undefined, '2'],
      ],
    )
    assert.equal([read[0]?.at, read[0]?.bytes], [1_000, pack(event).length])
  }))

test('is nothing where no collector ever was', () =>
  withFolder(async data => assert.equal(await all(data), [])))

test.run()

async function all(data: string): Promise<SetAsideRecord[]> {
  const records: SetAsideRecord[] = []
  for await (const record of readSetAside(data)) records.push(record)
  return records
}
