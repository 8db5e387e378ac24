import { compileTemplate } from '../../content/template.ts'
import { assert, suite } from '../harness.ts'
import { block, mjml, row, small } from './own-templates.ts'

const test = suite('a wrong template is told by file, line and remedy')
const image = 'alt="" width="9px" height="9px"'

/** What stands on line 3 and after it, and what is said of it. */
const wrong: readonly [body: string, said: RegExp][] = [
  [
    row('<mj-text>{{{a}}}</mj-text>'),
    /^x:3: three braces put a value in unescaped; write \{\{name\}\}/,
  ],
  [row('<mj-text>{{&a}}</mj-text>'), /^x:3: .*unescaped/],
  [row('<mj-text>{{> a}}</mj-text>'), /^x:3: .*not known to AMP/],
  [row('<mj-text>{{=a b=}}</mj-text>'), /^x:3: .*not known to AMP/],
  [row('<mj-text>{{a b}}</mj-text>'), /^x:3: \{\{a b\}\} is no name/],
  [row('<mj-text>{{}}</mj-text>'), /^x:3: \{\{\}\} is no name/],
  [row('<mj-text>\n{{a\n}}</mj-text>'), /^x:4: a \{\{ has no \}\} on its line/],
  [row('<mj-text>{{#each a}}{{/each}}</mj-text>'), /^x:3: .*no Mustache.*write \{\{#items\}\}/],
  [row('<mj-text>{{#if a}}{{/if}}</mj-text>'), /^x:3: .*write \{\{#name\}\}/],
  [
    row('<mj-text>{{#a}}{{else}}{{/a}}</mj-text>'),
    /^x:3: .*close the section and open \{\{\^name\}\}/,
  ],
  [
    row('<mj-text>\n{{#a}}</mj-text>'),
    /^x:4: \{\{#a\}\} is not closed within its <mj-text>; write \{\{\/a\}\}/,
  ],
  [row('<mj-text>{{/a}}</mj-text>'), /^x:3: \{\{\/a\}\} closes no section of its <mj-text>/],
  [
    row('<mj-text>{{#a}}\n{{/b}}</mj-text>'),
    /^x:4: \{\{\/b\}\} closes \{\{#a\}\} of line 3; write \{\{\/a\}\}/,
  ],
  [row('<mj-text>{{#a}}<b>{{/a}}</b></mj-text>'), /^x:3: \{\{\/a\}\} closes no section of its <b>/],
  [`{{#a}}${row('{{/a}}')}`, /^x:3: \{\{\/a\}\} closes no section of its <mj-column>/],
  [
    '<mj-section>{{#a}}<mj-column></mj-column>{{/a}}</mj-section>',
    /^x:3: <mj-section> cannot hold a tag; put it into/,
  ],
  [
    '<mj-section>\n lost </mj-section>',
    /^x:4: MJML loses the text "lost" in <mj-section>; put it into an <mj-text>/,
  ],
  [
    row('<mj-text><a href="https://a.example/{{a}}">x</a></mj-text>'),
    /^x:3: href="…" is put together.*whole and encoded/,
  ],
  [row('<mj-text><a href="{{a}}{{b}}">x</a></mj-text>'), /^x:3: href="…" is put together/],
  [
    row('<mj-text><a href="javascript:x">x</a></mj-text>'),
    /^x:3: href="javascript:x" is no absolute http/,
  ],
  [row('<mj-text><p style="color:{{a}}">x</p></mj-text>'), /^x:3: <p style="…"> holds a value/],
  [row('<mj-text color="{{a}}">x</mj-text>'), /^x:3: <mj-text color="…"> holds a value/],
  [
    row('<mj-text><img src="{{a}}" alt="{{#b}}x{{/b}}" width="1" height="1"></mj-text>'),
    /^x:3: alt="…" holds a section/,
  ],
  [row('<mj-text><script>x</script></mj-text>'), /^x:3: <script> is forbidden in AMP/],
  [row('<mj-text>\n<font>x</font></mj-text>'), /^x:4: <font> is forbidden in AMP/],
  [
    row('<mj-raw><iframe src="https://a.example"></iframe></mj-raw>'),
    /^x:3: <iframe> is forbidden/,
  ],
  [row('<mj-text><p onclick="x">x</p></mj-text>'), /^x:3: onclick is script/],
  [
    row('<mj-carousel></mj-carousel>'),
    /^x:3: <mj-carousel> is not known, or does not work in all parts/,
  ],
  ['<mj-include path="/etc/passwd" />', /^x:3: <mj-include> is not known/],
  [
    row(`<mj-image src="https://a.example/" alt="" width="9px" />`),
    /^x:3: an image has no height in pixels/,
  ],
  [
    row('<mj-image src="https://a.example/" width="9px" height="9px" />'),
    /^x:3: an image has no alt text/,
  ],
  [
    `<mj-section background-url="{{a}}"><mj-column></mj-column></mj-section>`,
    /^x:3: background-url cannot be a value/,
  ],
  [row(`<mj-image src="a.png" ${image} />`), /^x:3: src="a.png" is no absolute/],
  [row('<mj-text foo="1">x</mj-text>'), /^x:3: <mj-text>: Attribute foo is illegal/],
  ['\n<mj-text>x</mj-text>', /^x:4: <mj-text>: mj-text cannot be used inside mj-body/],
  ['<mj-section><mj-column><mj-text>x</mj-column></mj-section>', /^x:3: <mj-text> is not closed/],
  [row(block('')), /^x:3: <mr-block> is in <mj-column>; put it into <mj-body>/],
  [block(block('')), /^x:3: <mr-block> is in <mr-block>/],
  [block('') + block(''), /^x:3: there are two blocks "b"/],
  ['<mr-block name="B" height="1px"></mr-block>', /^x:3: a block's name is "B"/],
  [
    '<mr-block name="b" height="1em"></mr-block>',
    /^x:3: the height of block "b" is "1em"; write height="300px"/,
  ],
  ['<mr-block name="b" height="9px" src="x"></mr-block>', /^x:3: <mr-block> has no attribute src/],
  ['<mr-block name="b" height="9px" />', /^x:3: the block is empty/],
  [row('<mj-text>mrv7q</mj-text>'), /^x:3: the word mrv7q is ours/],
]

for (const [body, said] of wrong) {
  test(`${body.replaceAll('\n', '⏎').slice(0, 90)}`, () => {
    const error = thrown(() => compileTemplate('x', mjml(body), 'x'))
    assert.match(error, said)
  })
}

test('a value in a style, a missing subject, and what is no MJML', () => {
  const style = '<mj-style>p { color: {{a}} }</mj-style>'
  assert.match(
    thrown(() => small(row(''), style)),
    /^small.mjml:1: a value stands in a style/,
  )
  assert.match(
    thrown(() => compileTemplate('x', '<mjml><mj-body></mj-body></mjml>')),
    /^x.mjml:1: the email has no subject/,
  )
  assert.match(
    thrown(() => compileTemplate('x', '<p>x</p>')),
    /^x.mjml:1: this is no MJML/,
  )
  assert.match(
    thrown(() => compileTemplate('x', 'x'.repeat(600_000))),
    /^x.mjml: the template has 600000 characters/,
  )
})

test('names that a sample does not have are found, each with its line', () => {
  const template = small(
    `${row('<mj-text>{{a}} {{b.c}}\n{{#d}}{{e}}{{/d}}{{^f}}{{g}}{{/f}}</mj-text>')}${block(row('<mj-text>{{#items}}{{name}}{{#sale}}{{a}}{{/sale}}{{/items}}</mj-text>'))}`,
  )
  const sample = {
    values: { a: 1, d: { e: 1 }, b: {} },
    blocks: { b: { items: [{ name: 'x' }, { sale: true }] } },
  }
  assert.equal(template.missing(sample), [
    'small.mjml:3: {{b.c}} is not in the sample',
    'small.mjml:4: {{f}} is not in the sample',
    'small.mjml:4: {{g}} is not in the sample',
    'small.mjml:4: {{name}} is not in the sample',
    'small.mjml:4: {{a}} is not in the sample',
  ])
  assert.match(template.missing({}).join(), 'small.mjml:4: block "b" is not in the sample')
})

test.run()

function thrown(body: () => unknown): string {
  try {
    body()
  } catch (error) {
    if (error instanceof Error && error.name === 'TemplateError') return error.message
    throw error
  }
  return 'nothing was thrown'
}
