import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CollectError } from '../../collect/collect-client.ts'
import { type PageReport, type PollerOptions, poll, pollOnce } from '../../collect/poller.ts'
import type { PollSource } from '../../collect/poller-source.ts'
import { assert } from '../harness.ts'
import { quickClock } from './quick-clock.ts'
import { type Asked, SmallSource, sendJson } from './small-source.ts'

export const people = Array.from({ length: 7 }, (_, at) => ({
  id: at + 1,
  updatedAt: `2026-01-0${at + 1}T00:00:00Z`,
  properties: { email: `p${at + 1}@example.com` },
}))

/** A CRM with seven people, a poller of it, and a collect that stands in. */
export class PollerWorld {
  readonly crm = new SmallSource()
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-poll-'))
  readonly clock = quickClock()
  readonly taken: Record<string, unknown>[] = []
  readonly troubles: string[] = []
  readonly pages: PageReport[] = []
  /** The collect that stands in dies at this send. */
  diesAt = Number.POSITIVE_INFINITY
  /** Of each send so many. */
  rejects = 0

  async close(): Promise<void> {
    rmSync(this.folder, { recursive: true })
    await this.crm.stop()
  }

  get positionPath(): string {
    return join(this.folder, 'position.json')
  }

  position(): unknown {
    return JSON.parse(readFileSync(this.positionPath, 'utf8'))
  }

  source(more: Partial<PollSource> = {}): PollSource {
    return {
      name: 'crm',
      url: `${this.crm.url}/people?limit=3&after={cursor}`,
      privateHosts: true,
      items: 'results',
      cursor: { by: 'token', path: 'paging.next.after' },
      event: {
        type: 'identify',
        userId: 'crm-{id}',
        timestamp: '{updatedAt}',
        messageId: 'crm:{id}:{updatedAt}',
        traits: { email: '{properties.email}', phone: '{properties.phone}', from: 'crm' },
      },
      ...more,
    }
  }

  /** Answers three people a page, as `source()` asks for them. */
  readonly byToken = ({ url }: Asked, response: Parameters<typeof sendJson>[0]) => {
    const after = Number(new URL(url, this.crm.url).searchParams.get('after') ?? 0)
    const next = after + 3 < people.length ? { paging: { next: { after: String(after + 3) } } } : {}
    sendJson(response, { results: people.slice(after, after + 3), ...next })
  }

  once(source = this.source(), login = {}): Promise<void> {
    return pollOnce(this.#options({ source, login: async () => login }))
  }

  poll(more: Pick<PollerOptions, 'source' | 'signal' | 'onPage'>): Promise<void> {
    return poll(this.#options(more))
  }

  #options(more: Partial<PollerOptions> & { source: PollSource }): PollerOptions {
    let sends = 0
    return {
      ...{ login: async () => ({}), clock: this.clock, positionPath: this.positionPath },
      signal: new AbortController().signal,
      client: {
        send: async (path, body) => {
          assert.is(path, '/v1/events')
          if (++sends >= this.diesAt) throw new CollectError('collect_away', 'the machine is gone')
          const { events } = JSON.parse(body)
          this.taken.push(...events)
          const fault = { index: 0, path: 'userId', reason: 'expected one' }
          const rejected = Array.from({ length: this.rejects }, () => fault)
          return { accepted: events.length - rejected.length, rejected }
        },
      },
      onTrouble: reason => void this.troubles.push(reason),
      onPage: page => void this.pages.push(page),
      ...more,
    }
  }
}
