import { addressesOf } from '../../collect/address.ts'
import type { Fetch } from '../../collect/sns-certificates.ts'
import type { WebhookEntry } from '../../collect/webhook-file.ts'
import { assert } from '../harness.ts'
import { DoorWorld } from './door-world.ts'
import { type Sent, snsCertificate } from './webhook-senders.ts'

export const addresses = addressesOf('a secret of thirty-two bytes, or more')

export interface Asked {
  readonly urls: string[]
  readonly fetch: Fetch
}

/** Answers like Amazon, and remembers what it was asked. */
export function amazon(answer = () => new Response(snsCertificate.pem)): Asked {
  const urls: string[] = []
  const fetch: Fetch = async (url, { redirect }) => {
    assert.is(redirect, 'error')
    urls.push(url)
    return answer()
  }
  return { urls, fetch }
}

export function world(entry: WebhookEntry, { fetch }: Asked = amazon()): DoorWorld {
  return new DoorWorld({ webhooks: { webhooks: [entry], addresses, fetch } })
}

export async function statusOf({ app }: DoorWorld, sent: Sent): Promise<number> {
  return (await app.inject({ method: 'POST', ...sent })).statusCode
}
