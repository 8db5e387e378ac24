import { readFile } from 'node:fs/promises'
import { senders, versionOf } from './clients.ts'
import { ANSWERS, RETRY_AFTER_SECONDS, type StubServer } from './stub-server.ts'

/** What an SDK makes of an answer to its first try; by answer. */
export type Column = ReadonlyMap<string, Outcome>

export type Outcome =
  | 'delivered'
  | '**counts as delivered**'
  | 'sent again'
  | 'sent again, when told'
  | 'dropped'

export const pagePath = new URL('../../docs/SDKS.md', import.meta.url)

export const BROWSER_SDK = '@segment/analytics-next'

/** Of the SDKs of servers, all at once: they wait most of the time. */
export async function measureServers(stub: StubServer): Promise<ReadonlyMap<string, Column>> {
  const columns = Object.entries(senders).map(async ([sdk, send]) => {
    const cells = ANSWERS.map(async answer => {
      const delivered = await send(stub.urlFor(sdk, answer))
      return [answer, outcomeOf(stub, sdk, answer, delivered)] as const
    })
    return [sdk, new Map(await Promise.all(cells))] as const
  })
  return new Map(await Promise.all(columns))
}

/** @param delivered whether the SDK says, in the end, that it is */
export function outcomeOf(
  stub: StubServer,
  sdk: string,
  answer: string,
  delivered: boolean,
): Outcome {
  const { posts, waitedMs = 0 } = stub.attemptsOf(sdk, answer)
  if (posts > 1) {
    const waited = waitedMs >= RETRY_AFTER_SECONDS * 1_000 - 50
    return answer.includes('Retry-After') && waited ? 'sent again, when told' : 'sent again'
  }
  if (!delivered) return 'dropped'
  return answer === '200' ? 'delivered' : '**counts as delivered**'
}

/** The table in docs/SDKS.md. */
export function tableOf(columns: ReadonlyMap<string, Column>): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const sdks = [...columns.keys()]
  return [
    row(['answer', ...sdks.map(titleOf)]),
    row(['---', ...sdks.map(() => '---')]),
    ...ANSWERS.map(answer =>
      row([answer, ...sdks.map(sdk => columns.get(sdk)?.get(answer) ?? '')]),
    ),
  ].join('\n')
}

/** What the page says of an SDK now; no column when it says nothing of this version. */
export async function writtenColumn(sdk: string): Promise<Column | undefined> {
  const page = await readFile(pagePath, 'utf8')
  const rows = page.split('\n').map(line => line.split('|').map(cell => cell.trim()))
  const head = rows.find(cells => cells[1] === 'answer')
  const at = head?.indexOf(titleOf(sdk)) ?? -1
  if (at < 0) return undefined
  const cells = rows.filter(cells => ANSWERS.some(answer => answer === cells[1]))
  return new Map(cells.map(row => [row[1] ?? '', (row[at] ?? '') as Outcome]))
}

function titleOf(sdk: string): string {
  const [name = '', note] = sdk.split(', ')
  return `\`${name}\` ${versionOf(name)}${note === undefined ? '' : `, ${note}`}`
}
