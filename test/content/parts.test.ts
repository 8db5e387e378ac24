import fc from 'fast-check'
import { assert, suite } from '../harness.ts'
import { ampUrls, block, renderBlock, row, sampledTemplates, small } from './own-templates.ts'

const test = suite('the parts of an email')
const names = [
  'items',
  'rows',
  'left',
  'order',
  'shop',
  'links',
  'image',
  'url',
  'firstName',
  'total',
]
const text = (body: string, values = {}) => small(body).render({ values }).text

test('a value is escaped in HTML, and one line of plain text in the text and the subject', () => {
  const template = small(
    row(
      '<mj-text>{{a}}</mj-text><mj-image src="https://a.example/" alt="{{a}}" width="9px" height="9px" />',
    ),
  )
  const { html, text } = template.render({ values: { a: '<b a="x">\n\u2028\'&' } })
  assert.match(html, '<div style="')
  assert.match(html, '>&lt;b a=&quot;x&quot;&gt;\n\u2028&#39;&amp;</div>')
  assert.match(html, 'alt="&lt;b a=&quot;x&quot;&gt;\n\u2028&#39;&amp;"')
  assert.is(text, '<b a="x"> \'&\n')
})

test('a value is not read again: braces in it stay what they are', () => {
  const template = small(block(row('<mj-text>{{a}}</mj-text>')))
  const { html, text, amp = '' } = renderBlock(template, { a: '{{b}}mrv0q', b: 'secret' })
  for (const part of [html, text, amp]) {
    assert.match(part, '{{b}}mrv0q')
    assert.not.match(part, 'secret')
  }
})

test('a URL is http, https or mailto, or it is left out with a warning', () => {
  const template = small(row('<mj-text><a href="{{a}}">go</a></mj-text>'))
  const bad = [
    ...[
      'javascript:alert(1)',
      ' javascript:alert(1)',
      'JaVaScRiPt:x',
      'data:text/html,x',
      '//a.example',
      '/a',
    ],
    ...[
      'https://a.example/\nBcc: b',
      'https:///a',
      'https://a.example/<b>',
      'vbscript:x',
      'https://a b',
      7,
      null,
    ],
    ...[`https://a.example/${'x'.repeat(2_000)}`, 'mailto:?bcc=x'],
  ]
  for (const a of bad) {
    const { html, warnings } = template.render({ values: { a } })
    assert.match(html, 'href="https://invalid.invalid/"', String(a))
    assert.match(warnings.join(), 'small.mjml:3: {{a}} is no absolute http, https or mailto URL')
  }
  for (const a of [
    'https://a.example/?b=1&c=2#d',
    'http://a.example',
    'mailto:a@b.example',
    'HTTPS://a.example/é',
  ]) {
    const { html, warnings, text } = template.render({ values: { a } })
    assert.match(html, `href="${a.replace('&', '&amp;')}"`)
    assert.equal(warnings, [])
    assert.is(text, `go: ${a.replace('mailto:', '')}\n`)
  }
})

test('inside a block names mean its payload alone, in every part', () => {
  const template = small(row('<mj-text>{{a}}</mj-text>') + block(row('<mj-text>[{{a}}]</mj-text>')))
  const {
    html,
    text,
    amp = '',
  } = template.render({ values: { a: 'outer' }, blocks: { b: {} }, ampUrls })
  assert.is(text, 'outer\n\n[]\n')
  assert.match(html, '>[]<')
  assert.match(amp, '>[]<')
  assert.match(amp, '>[{{a}}]<')
})

test('in AMP a block asks its URL, and shows what was known until the answer is there', () => {
  const template = small(block(`{{#items}}${row('<mj-text>{{.}}</mj-text>')}{{/items}}`))
  const { amp = '' } = renderBlock(template, { items: ['one', 'two'] })
  assert.match(amp, 'src="https://mail.example/amp/b?token=t" single-item>')
  assert.match(
    amp,
    /<template type="amp-mustache">.*\{\{#items\}\}.*\{\{\.\}\}.*\{\{\/items\}\}.*<\/template>/s,
  )
  assert.match(amp, /<div placeholder>.*one.*two.*<\/div><div fallback>.*one.*two/s)
})

test('a block without a payload is shown as empty, with a warning', () => {
  const template = small(block(`{{^items}}${row('<mj-text>nothing</mj-text>')}{{/items}}`))
  const { text, warnings } = template.render({})
  assert.is(text, 'nothing\n')
  assert.equal(warnings, ['block b came without a payload'])
})

test('images keep their proportion on narrow screens, in all clients', () => {
  const { html } = small(
    row('<mj-image src="https://a.example/" alt="" width="200px" height="80px" />'),
  ).render({})
  assert.match(html, /<img [^>]*width="200" height="80"[^>]*style="[^"]*height:auto;width:100%/)
})

test('text: paragraphs, lists, links with their URLs, tables by rows; nothing of images and hidden parts', () => {
  const body =
    row(`<mj-text><h1>Title</h1><p>One  two<br/>three <b>four</b>.</p><ul><li>a</li><li>b</li></ul>
    <p class="html-only">not here</p><p>See <a href="https://a.example/">the shop</a>, or <a href="https://b.example/">https://b.example/</a>.</p></mj-text>
    <mj-image src="https://a.example/" alt="picture" width="9px" height="9px" />
    <mj-table><tr><td>1</td><td>tea</td></tr><tr><td>2</td><td>cup</td></tr></mj-table><mj-button href="https://c.example/">Go</mj-button>`)
  assert.is(
    text(body),
    'Title\n\nOne two\nthree four.\n\n- a\n- b\n\nSee the shop: https://a.example/, or https://b.example/.\n\n1 tea\n2 cup\n\nGo: https://c.example/\n',
  )
})

test('text: a section that is not shown leaves no gap, and one that repeats repeats its gaps', () => {
  const body = `${row('<mj-text>first</mj-text>')}{{#items}}${row('<mj-text>{{.}}</mj-text>')}{{/items}}${row('<mj-text>last</mj-text>')}`
  assert.is(text(body, { items: ['a', 'b'] }), 'first\n\na\n\nb\n\nlast\n')
  assert.is(text(body, { items: [] }), 'first\n\nlast\n')
})

test('an email can be rendered whatever JSON it is given, and never shows a mark of ours', async () => {
  const emails = await sampledTemplates()
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.jsonValue()), given => {
      const content = { ...given, toString: 1, constructor: null }
      for (const { template, sample } of emails) {
        const blocks = Object.fromEntries(template.blocks.map(name => [name, content]))
        const { html, text, amp } = template.render({ ...sample, values: content, blocks })
        assert.not.match(`${html}${text}${amp}`, /mr[vuibd]\d+q/)
      }
    }),
    { numRuns: 100, seed: 5 },
  )
})

test("the shop's emails: the same words in text and HTML, an unsubscribe link, a preheader, alt texts", async () => {
  for (const { template, sample } of await sampledTemplates()) {
    const { html, text, subject, warnings } = template.render(sample)
    assert.equal([...warnings, ...template.missing(sample)], [], template.name)
    assert.ok(subject.length > 5 && subject.length < 60, subject)
    assert.match(html, 'href="https://mail.shop.example/u/sample"')
    assert.match(text, 'Unsubscribe: https://mail.shop.example/u/sample')
    assert.match(html, /<div style="display:none[^>]*>[^<]{20,110}<\/div>/)
    assert.not.match(html, /<img(?![^>]* alt=")/)
    const words = new Set(text.split(/[\s:]+/))
    const shown = html.replace(
      /<head>.*<\/head>|<div style="display:none.*?<\/div>|<!--.*?-->|<[^>]*>/gs,
      ' ',
    )
    const lost = shown
      .replaceAll('&amp;', '&')
      .replace(/&nbsp;|&#8202;/g, ' ')
      .split(/[\s:]+/)
      .filter(word => word !== '' && !words.has(word))
    assert.equal(lost, [], template.name)
  }
})

test('rendering one reader costs a fraction of compiling, and no MJML', async () => {
  const [first] = await sampledTemplates()
  assert.ok(first)
  const { template, sample } = first
  for (let run = 0; run < 300; run++) template.render(sample)
  const before = process.cpuUsage()
  for (let run = 0; run < 1_000; run++) template.render(sample)
  const { user, system } = process.cpuUsage(before)
  const milliseconds = (user + system) / 1_000 / 1_000
  assert.ok(milliseconds < 1, `${milliseconds} ms of processor time an email`)
})

test.run()
