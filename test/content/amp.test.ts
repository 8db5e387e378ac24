import { createRequire } from 'node:module'
import { compileTemplate, type Template } from '../../content/template.ts'
import { assert, suite } from '../harness.ts'
import { ampValidator, fetchFile } from './fetched.ts'
import { ampUrls, block, mjml, renderBlock, row, sampledTemplates, small } from './own-templates.ts'

// amphtml-validator has no types. Its newInstance takes the validator's script, and asks no network.
interface Validator {
  init(): Promise<void>
  validateString(html: string, format: 'AMP4EMAIL'): Result
}
interface Result {
  readonly status: 'PASS' | 'FAIL' | 'UNKNOWN'
  readonly errors: readonly { severity: string; line: number; col: number; message: string }[]
}

const test = suite('the AMP part', { timeoutMs: 120_000 })
let validator: Validator

test.before(async () => {
  const script = await fetchFile(ampValidator)
  const { newInstance } = createRequire(import.meta.url)('amphtml-validator')
  validator = newInstance(script)
  await validator.init()
})

/** What the validator says, warnings too; empty where it is content. */
function faults(amp: string | undefined): string[] {
  if (amp === undefined) return ['there is no AMP part']
  const { status, errors } = validator.validateString(amp, 'AMP4EMAIL')
  const told = errors.map(
    ({ severity, line, col, message }) => `${severity} ${line}:${col} ${message}`,
  )
  return status === 'PASS' ? told : [status, ...told]
}

test("every email of the shop's is valid AMP for email, whatever its blocks hold", async () => {
  const hostile = {
    title: '<script>alert(1)</script>{{x}}',
    price: '"\'',
    url: 'javascript:x',
    image: 'data:x',
  }
  const payloads = [
    {},
    {
      items: [hostile],
      hasItems: true,
      rows: [{ left: hostile, right: hostile }],
      total: '&',
      status: '<',
      trackingUrl: '//x',
    },
  ]
  for (const { template, sample } of await sampledTemplates()) {
    assert.equal(faults(template.render(sample).amp), [], template.name)
    for (const payload of payloads) {
      const blocks = Object.fromEntries(template.blocks.map(name => [name, payload]))
      assert.equal(faults(template.render({ ...sample, blocks }).amp), [], template.name)
    }
    const noBlocks = { ...sample, ampUrls: { other: 'https://mail.example/amp' } }
    assert.equal(faults(template.render(noBlocks).amp), [], `${template.name} with fixed blocks`)
  }
})

const kinds: Readonly<Record<string, string>> = {
  'a value': row('<mj-text>{{a}}</mj-text>'),
  'a list of rows': `{{#items}}${row('<mj-text>{{a}}</mj-text>')}{{/items}}`,
  'a list in a column': row('{{#items}}<mj-text>{{a}}</mj-text>{{/items}}'),
  'a list of table rows': row(
    '<mj-table>{{#items}}<tr><td>{{a}}</td></tr>{{/items}}{{^items}}<tr><td>-</td></tr>{{/items}}</mj-table>',
  ),
  'lists in lists': row(
    '<mj-text>{{#items}}{{#b}}<p>{{.}}{{#c}}{{d}}{{/c}}</p>{{/b}}{{/items}}</mj-text>',
  ),
  'images and links': row(
    '<mj-image src="{{a}}" href="{{b}}" alt="{{c}}" title="{{c}}" width="100px" height="50px" /><mj-text><a href="{{a}}">x</a> <img src="{{a}}" alt="" width="10" height="10"></mj-text>',
  ),
  'a button, a divider, a spacer': row(
    '<mj-button href="{{a}}">{{b}}</mj-button><mj-divider /><mj-spacer height="20px" />',
  ),
  'a wrapper is around no block, a group within one':
    '<mj-section><mj-group><mj-column><mj-text>{{a}}</mj-text></mj-column><mj-column><mj-text>{{b}}</mj-text></mj-column></mj-group></mj-section>',
}

for (const [kind, rows] of Object.entries(kinds)) {
  test(`a block is valid in AMP with ${kind}`, () => {
    const item = { a: 'https://a.example/', b: ['x', 'y'], c: { d: 1 } }
    const { amp } = renderBlock(small(block(rows)), { ...item, items: [item, item] })
    assert.equal(faults(amp), [])
    assert.match(
      amp ?? '',
      '<amp-list layout="container" src="https://mail.example/amp/b?token=t" single-item>',
    )
  })
}

test('a block can have a height of its own, and words for the rest', () => {
  const template = small(
    `<mr-block name="b" height="90px" more="All &amp; more">${row('<mj-text>x</mj-text>')}</mr-block>`,
  )
  const { amp = '' } = renderBlock(template, {})
  assert.equal(faults(amp), [])
  assert.match(amp, '<amp-list layout="fixed-height" height="90" src=')
  assert.match(amp, /<div overflow [^>]*>All &amp; more<\/div><\/amp-list>/)
})

test('the validator of these tests refuses what is wrong', async () => {
  const [first] = await sampledTemplates()
  assert.ok(first)
  const amp = first.template.render(first.sample).amp ?? ''
  assert.match(faults(amp.replace('<amp-img', '<img')).join(), "tag 'img' is disallowed")
  assert.match(faults(amp.replace('https://mail.shop.example/amp', 'http://mail')).join(), 'src')
  assert.match(faults(amp.replace('.m0{', '.m0{color:red !important;')).join(), 'important')
})

test('it goes out with fixed blocks without a URL for AMP, and not at all without any', () => {
  const template = small(block(row('<mj-text>{{a}}</mj-text>')))
  const blocks = { b: { a: 'now' } }
  assert.is(template.render({ blocks }).amp, undefined)
  const { amp = '', warnings } = template.render({
    blocks,
    ampUrls: { b: 'http://mail.example/a' },
  })
  assert.not.match(amp, '<amp-list')
  assert.match(amp, 'now')
  assert.match(warnings.join(), 'block b has no https URL for AMP')
})

test('a part larger than AMP allows is left out, and the email is told to be its HTML', () => {
  const template = small(block(row('{{#items}}<mj-text>{{.}}</mj-text>{{/items}}')))
  const rendered = renderBlock(template, {
    items: Array.from({ length: 900 }, () => 'x'.repeat(60)),
  })
  assert.is(rendered.amp, undefined)
  assert.match(rendered.warnings.join(), /the AMP part has \d+ bytes, allowed are 200000/)
  assert.match(rendered.warnings.join(), /the HTML has \d+ bytes: Gmail clips it after 102400/)
})

test('more styles than AMP allows are an error of the template', () => {
  const rules = Array.from({ length: 4_000 }, (_, at) => `.rule-${at} { color: #${100_000 + at}; }`)
  const head = `<mj-style>${rules.join('\n')}</mj-style>`
  assert.throws(
    () => small(row('<mj-text>x</mj-text>'), head),
    /the styles take \d+ bytes in AMP; it allows 75000/,
  )
})

test('what only other clients read does not get into it', () => {
  const style = `<mj-style>:root { color-scheme: light dark; } .a, :root b { color: red !important; }
    @media (prefers-color-scheme: dark) { .a { color: white; } } @font-face { font-family: x; src: url(x); }
    @media (max-width: 400px) { .a { color: blue; mso-hide: all; } } [data-ogsc] .a { color: green; }</mj-style>`
  const template: Template = compileTemplate(
    'x',
    mjml(row('<mj-text css-class="a">x</mj-text>'), style),
  )
  const amp = template.render({ ampUrls }).amp ?? ''
  assert.equal(faults(amp), [])
  assert.match(amp, '.a{color:red}@media (max-width: 400px){.a{color:blue}}')
  assert.not.match(amp, /root|important|prefers|font-face|og|mso/)
})

test.run()
