import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../broker/broker.ts'
import { suite } from '../harness.ts'
import { connectionCases } from './connection-cases.ts'

const test = suite('a job behind failing connections, on the embedded broker', {
  timeoutMs: 90_000,
})

let folder = ''
let broker: Broker | undefined

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-connections-'))
  broker = await startBroker({ folder })
})

connectionCases(test, () => broker?.address ?? '')

test.after(async () => {
  await broker?.close()
  await rm(folder, { recursive: true })
})

test.run()
