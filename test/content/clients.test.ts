import { readFile } from 'node:fs/promises'
import { caniemail, rawData } from 'caniemail'
import { assert, suite } from '../harness.ts'
import { accepted, clients } from './client-abilities.ts'
import { row, sampledTemplates, small } from './own-templates.ts'

const test = suite("the HTML part, by what clients can (caniemail.com's data)")

/** `feature: client`, of what a client does not have at all. */
function missing(html: string): string[] {
  const { issues } = caniemail({ clients: [...clients], html })
  const told = [...issues.errors].flatMap(([client, found]) =>
    found.map(({ title }) => `${title}: ${client}`),
  )
  return [...told, ...missingInOutlookCom(html)]
}

/** The new Outlook for Windows is Outlook.com, which the data knows and the library does not. */
function missingInOutlookCom(html: string): string[] {
  const { errors, warnings } = caniemail({
    clients: [...clients, 'gmail.mobile-webmail'],
    html,
  }).issues
  const used = new Set(
    [...errors, ...warnings].flatMap(([, found]) => found.map(each => each.title)),
  )
  return rawData.data.flatMap(({ title, stats }) => {
    const support = Object.values(stats.outlook?.['outlook-com'] ?? {}).at(-1)
    return used.has(title) && support?.startsWith('n') ? [`${title}: outlook.outlook-com`] : []
  })
}

test('the emails use nothing that a client lacks, but for what is accepted with a reason', async () => {
  const found = new Set<string>()
  for (const { template, sample } of await sampledTemplates())
    for (const each of missing(template.render(sample).html)) found.add(each)
  const strange = [...found].filter(each => {
    const [title = '', client = ''] = each.split(': ')
    return accepted[title]?.in.test(client) !== true
  })
  assert.equal(strange, [])
  const unused = Object.keys(accepted).filter(
    title => ![...found].some(each => each.startsWith(`${title}: `)),
  )
  assert.equal(unused, [], 'accepted, and used no more')
})

test('docs/EMAILS.md tells each of them', async () => {
  const page = await readFile(new URL('../../docs/EMAILS.md', import.meta.url), 'utf8')
  for (const { because } of Object.values(accepted)) assert.match(page, ` | ${because} |\n`)
})

test('something new that a client lacks is found', () => {
  const template = small(row('<mj-text><p style="display:grid">x</p></mj-text>'))
  const { html } = template.render({})
  const found = missing(html)
  assert.ok(found.includes('display:grid: outlook.windows'), found.join('\n'))
  assert.not.ok('display:grid' in accepted)
  const shadowed = small(row('<mj-text><p style="text-shadow:0 0 1px red">x</p></mj-text>')).render(
    {},
  ).html
  assert.ok(
    missing(shadowed).includes('text-shadow: outlook.outlook-com'),
    missing(shadowed).join('\n'),
  )
})

test.run()
