import { caniemail } from 'caniemail'
import { assert, suite } from '../harness.ts'
import { accepted, clients } from './client-abilities.ts'
import { row, sampledTemplates, small } from './own-templates.ts'

const test = suite("the HTML part, by what clients can (caniemail.com's data)")

/** `feature: client`, of what a client does not have at all. */
function missing(html: string): string[] {
  const { issues } = caniemail({ clients: [...clients], html })
  return [...issues.errors].flatMap(([client, found]) =>
    found.map(({ title }) => `${title}: ${client}`),
  )
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

test('something new that a client lacks is found', () => {
  const template = small(row('<mj-text><p style="display:grid">x</p></mj-text>'))
  const { html } = template.render({})
  const found = missing(html)
  assert.ok(found.includes('display:grid: outlook.windows'), found.join('\n'))
  assert.not.ok('display:grid' in accepted)
})

test.run()
