import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deleteTopics } from '../bench/delete-topics.ts'
import { type Broker, startBroker } from '../broker/broker.ts'

/** The broker that BROKERS names, or '': then each file that needs one starts an embedded one. */
export const brokersGiven = process.env.BROKERS ?? ''

/** For a test file that can run on any broker. */
export class BrokerUnderTest {
  #address = brokersGiven
  #folder: string | undefined
  #embedded: Broker | undefined

  get address(): string {
    return this.#address
  }

  async start(): Promise<void> {
    if (brokersGiven !== '') return
    this.#folder = await mkdtemp(join(tmpdir(), 'millrace-broker-'))
    this.#embedded = await startBroker({ folder: this.#folder })
    this.#address = this.#embedded.address
  }

  async stop(): Promise<void> {
    await this.#embedded?.close()
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
  }
}

/** All topics of a job that a test made. Only a broker that goes on after the tests needs them gone. */
export async function forgetJob(brokers: string, job: string, input: string): Promise<void> {
  if (brokers !== brokersGiven || brokers === '') return
  const outputs = ['features', 'changelog', 'triggers', 'late', 'dead', 'erased', 'rekeyed']
  await deleteTopics(brokers, [input, ...outputs.map(name => `${job}.${name}`)])
}
