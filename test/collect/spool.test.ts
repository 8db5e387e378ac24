import { appendFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Spool } from '../../collect/spool.ts'
import { systemClock } from '../../runtime/clock.ts'
import { assert, rejects, skip, suite } from '../harness.ts'
import { mountSmallDisk } from '../small-disk.ts'
import { keepingLogger, withFolder } from './sink-world.ts'
import { frameOf, openTestSpool, spoolFiles, takeAll, takeSome } from './spool-world.ts'

const test = suite('spool')

test('what was appended is read in order, by topic, and is gone when it is done', () =>
  withFolder(async folder => {
    const spool = await openTestSpool(folder)
    await spool.append([frameOf('events', ['1', '2']), frameOf('products', ['3'])])
    await spool.append([frameOf('events', ['4'])])
    assert.is(spool.records, 4)
    assert.ok(spool.bytesLeft > 0)
    const read = await spool.read(1_000_000)
    assert.equal(
      read?.frames.map(({ topic }) => topic),
      ['events', 'products', 'events'],
    )
    assert.equal(await takeAll(spool), ['1', '2', '3', '4'])
    assert.is(spool.records, 0)
    assert.equal(await spoolFiles(folder), [])
    await spool.close()
  }))

test('a tail torn at any byte is cut off, and all before it is there', () =>
  withFolder(async folder => {
    const first = await openTestSpool(folder)
    await first.append([frameOf('events', ['1'])])
    await first.append([frameOf('events', ['2'])])
    const [file = ''] = await spoolFiles(folder)
    const { size: whole } = await stat(file)
    await first.append([frameOf('events', ['torn'])])
    await first.close()
    const bytes = await readFile(file)
    for (let length = whole; length < bytes.length; length++) {
      await writeFile(file, bytes.subarray(0, length))
      const logger = keepingLogger()
      const spool = await openTestSpool(folder, { logger })
      assert.is(spool.records, 2)
      assert.equal(await takeAll(spool, false), ['1', '2'])
      assert.is((await stat(file)).size, whole)
      assert.is(logger.logged.length, length === whole ? 0 : 1)
      await spool.close()
    }
  }))

test('a record whose bytes changed on the disk is left out, with all that was written after it', () =>
  withFolder(async folder => {
    const first = await openTestSpool(folder)
    await first.append([frameOf('events', ['1'])])
    const [file = ''] = await spoolFiles(folder)
    const { size: whole } = await stat(file)
    await first.append([frameOf('events', ['2'])])
    await first.close()
    const bytes = await readFile(file)
    for (let at = whole; at < bytes.length; at++) {
      const spoilt = Buffer.from(bytes)
      spoilt[at] = (spoilt[at] ?? 0) ^ 0x10
      await writeFile(file, spoilt)
      const spool = await openTestSpool(folder)
      assert.equal(await takeAll(spool, false), ['1'], `byte ${at}`)
      await spool.close()
    }
  }))

test('a spoilt file in the middle costs its own records only, and is kept for a person', () =>
  withFolder(async folder => {
    const first = await openTestSpool(folder, { segmentBytes: 1 })
    for (const value of ['1', '2', '3']) await first.append([frameOf('events', [value])])
    await first.close()
    const [, second = ''] = await spoolFiles(folder)
    await truncate(second, (await stat(second)).size - 1)
    const logger = keepingLogger()
    const spool = await openTestSpool(folder, { logger })
    assert.equal(await takeAll(spool), ['1', '3'])
    assert.ok(logger.logged.some(({ level }) => level === 'error'))
    assert.equal(
      (await readdir(folder)).filter(name => name.endsWith('.damaged')),
      ['000000000002.spool.damaged'],
    )
    await spool.close()
  }))

test('after a kill, what was done since the last remembered position comes again, and nothing before it', () =>
  withFolder(async folder => {
    const killed = await openTestSpool(folder)
    for (const value of ['1', '2', '3', '4']) await killed.append([frameOf('events', [value])])
    assert.equal(await takeSome(killed, 2), ['1', '2'])
    const position = await readFile(join(folder, 'position'))
    assert.equal(await takeSome(killed, 1), ['3'])
    await writeFile(join(folder, 'position'), position)
    const spool = await openTestSpool(folder)
    assert.is(spool.records, 2)
    assert.equal(await takeAll(spool), ['3', '4'])
    await spool.close()
    await killed.close()
  }))

test('a position that fits no record, or that cannot be read, repeats a file and loses nothing', () =>
  withFolder(async folder => {
    const first = await openTestSpool(folder)
    for (const value of ['1', '2', '3']) await first.append([frameOf('events', [value])])
    await takeSome(first, 1)
    await first.close()
    for (const position of ['segment 1 byte 13\n', 'segment 1 by', '', 'segment 0 byte 8\n']) {
      await writeFile(join(folder, 'position'), position)
      const spool = await openTestSpool(folder)
      assert.is(spool.records, 3)
      assert.equal(await takeAll(spool, false), ['1', '2', '3'], JSON.stringify(position))
      await spool.close()
    }
  }))

test('a full spool refuses, and has room again when a file of it is done', () =>
  withFolder(async folder => {
    const spool = await openTestSpool(folder, { bytesMax: 4_000, segmentBytes: 1_000 })
    const put: string[] = []
    const value = (at: number) => `${at}:${'x'.repeat(300)}`
    const error = await rejects(async () => {
      for (let at = 0; at < 100; at++) {
        await spool.append([frameOf('events', [value(at)])])
        put.push(value(at))
      }
    }, 'spool_full')
    assert.match(error.message, /spool has reached its/)
    assert.ok(put.length > 5 && spool.bytes <= 4_000)
    assert.equal(await takeSome(spool, 3), put.slice(0, 3))
    await spool.append([frameOf('events', ['more'])])
    assert.equal(await takeAll(spool), [...put.slice(3), 'more'])
    await spool.close()
  }))

test('a full disk refuses what does not fit, spoils nothing, and takes records again when there is room', async () => {
  const disk = mountSmallDisk(2)
  if (typeof disk === 'string') return skip(disk)
  const folder = join(disk.folder, 'spool')
  try {
    const spool = await openTestSpool(folder)
    await spool.append([frameOf('events', ['before'])])
    disk.fill()
    for (let tries = 0; tries < 3; tries++)
      await rejects(() => spool.append([frameOf('events', ['x'.repeat(100_000)])]), 'disk_failed')
    const meanwhile = await openFilesOf(folder)
    assert.ok(meanwhile.length <= 1, meanwhile.join())
    await disk.empty()
    await spool.append([frameOf('events', ['after'])])
    await spool.close()
    const again = await openTestSpool(folder)
    assert.equal(await takeAll(again), ['before', 'after'])
    await again.close()
  } finally {
    disk.unmount()
  }
})

test('draining goes on while the disk cannot even remember how far it came', async () => {
  const disk = mountSmallDisk(2)
  if (typeof disk === 'string') return skip(disk)
  const folder = join(disk.folder, 'spool')
  try {
    const spool = await openTestSpool(folder)
    for (const value of ['1', '2', '3']) await spool.append([frameOf('events', [value])])
    disk.fill()
    assert.equal(await takeAll(spool), ['1', '2', '3'])
    await spool.close()
  } finally {
    disk.unmount()
  }
})

test('a file of a later version is refused, in words', () =>
  withFolder(async folder => {
    await writeFile(join(folder, '000000000001.spool'), 'MRSPOOL2 whatever comes')
    const error = await rejects(() => openTestSpool(folder), 'spool_format')
    assert.match(error.message, /"MRSPOOL2", not "MRSPOOL1"/)
  }))

test('what lies in its folder and is none of its files is left alone', () =>
  withFolder(async folder => {
    await writeFile(join(folder, 'notes.txt'), 'mine')
    const spool = await openTestSpool(folder)
    await spool.append([frameOf('events', ['1'])])
    await spool.close()
    const again = await openTestSpool(folder)
    assert.equal(await takeAll(again), ['1'])
    await again.close()
    assert.is(await readFile(join(folder, 'notes.txt'), 'utf8'), 'mine')
  }))

test('half a file that a kill left right at its beginning is no fault', () =>
  withFolder(async folder => {
    const first = await openTestSpool(folder)
    await first.append([frameOf('events', ['1'])])
    await first.close()
    await appendFile(join(folder, '000000000002.spool'), 'MRSP')
    const spool = await openTestSpool(folder)
    await spool.append([frameOf('events', ['2'])])
    assert.equal(await takeAll(spool), ['1', '2'])
    await spool.close()
  }))

test('the age is that of the oldest record', () =>
  withFolder(async folder => {
    let now = 1_000
    const clock = { ...systemClock, now: () => now }
    const spool = await Spool.open({ folder, bytesMax: 1e6, clock, logger: keepingLogger() })
    assert.is(spool.ageMs, 0)
    await spool.append([frameOf('events', ['1'], 1_000)])
    now = 5_000
    await spool.append([frameOf('events', ['2'], 5_000)])
    now = 6_000
    assert.is(spool.ageMs, 5_000)
    await takeAll(spool)
    assert.is(spool.ageMs, 0)
    await spool.close()
  }))

test.run()

const openFilesOf = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter(name => name.endsWith('.spool'))
