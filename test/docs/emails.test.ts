import { readFile } from 'node:fs/promises'
import { compileTemplate } from '../../content/template.ts'
import { assert, suite } from '../harness.ts'

const test = suite('docs/EMAILS.md')

test('its template compiles and shows its block', async () => {
  const page = await readFile(new URL('../../docs/EMAILS.md', import.meta.url), 'utf8')
  const source = /```html\n(<mjml[\s\S]*?<\/mjml>)\n```/.exec(page)?.[1] ?? ''
  const template = compileTemplate('page', source)
  const item = {
    title: 'Teapot',
    quantity: 2,
    price: '€34.00',
    url: 'https://a.example/',
    image: 'https://a.example/i',
  }
  const { subject, text, amp, warnings } = template.render({
    values: { firstName: 'Zoë', links: { unsubscribe: 'https://a.example/u' } },
    blocks: { cart: { items: [item] } },
    ampUrls: { cart: 'https://a.example/amp' },
  })
  assert.is(subject, 'Zoë, your cart is here')
  assert.is(text, 'Teapot: https://a.example/ 2 × €34.00\n\nUnsubscribe: https://a.example/u\n')
  assert.match(amp ?? '', '<amp-list layout="container" src="https://a.example/amp" single-item>')
  assert.equal(warnings, [])
})

test.run()
