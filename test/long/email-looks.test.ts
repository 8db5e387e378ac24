import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { ampShown, type Looked, show } from '../content/in-chromium.ts'
import { row, type Sampled, sampledTemplates, small } from '../content/own-templates.ts'
import { assert, suite } from '../harness.ts'
import { openChromium } from '../sdks/chromium.ts'

const lookInPage = readFileSync(new URL('../content/look-in-page.js', import.meta.url), 'utf8')
const test = suite("the shop's emails in Chromium", { timeoutMs: 120_000 })
let browser: Browser
let emails: readonly Sampled[] = []

test.before(async () => {
  browser = await openChromium()
  emails = await sampledTemplates()
})
test.after(() => browser?.close())

/** What test/content/look-in-page.js finds. */
interface Seen {
  readonly scrollWidth: number
  readonly widest: number
  readonly pale: readonly string[]
  readonly text: string
  readonly buttonHeight: number
  readonly titleHeight: number
}

function look(page: Page): Promise<Seen> {
  return page.evaluate(lookInPage)
}

async function seen(html: string, looked: Looked): Promise<Seen> {
  const page = await show(browser, html, looked)
  try {
    return await look(page)
  } finally {
    await page.close()
  }
}

test('on a phone and on a desktop nothing is wider than it may be, and all text is dark or light enough', async () => {
  for (const { template, sample } of emails) {
    const { html } = template.render(sample)
    for (const width of [390, 1200])
      for (const dark of [false, true]) {
        const name = `${template.name} ${width} ${dark ? 'dark' : 'light'}`
        const { scrollWidth, widest, pale, buttonHeight } = await seen(html, { width, dark })
        assert.is(scrollWidth, width, name)
        assert.ok(widest <= Math.min(width, 600), `${name}: something is ${widest} wide`)
        assert.equal(pale, [], name)
        assert.ok(buttonHeight >= 44, `${name}: the button is ${buttonHeight} high`)
      }
  }
})

test('without images all text is there, and the names of the products in their place', async () => {
  for (const { template, sample } of emails) {
    const { html } = template.render(sample)
    const [shown, hidden] = [
      await seen(html, { width: 390 }),
      await seen(html, { width: 390, images: false }),
    ]
    assert.is(hidden.text, shown.text)
    assert.is(hidden.scrollWidth, 390)
    assert.ok(hidden.titleHeight > 20)
  }
})

test('the AMP part shows the same text, and is no wider than a phone', async () => {
  for (const { template, sample } of emails) {
    const { amp = '', html } = template.render(sample)
    const shown = await seen(ampShown(amp), { width: 390 })
    const words = (text: string) => text.replace(/\s+/g, ' ').trim()
    assert.is(words(shown.text), words((await seen(html, { width: 390 })).text))
    assert.is(shown.scrollWidth, 390, template.name)
    assert.equal(shown.pale, [], template.name)
  }
})

test('pale text, and what is too wide, is found', async () => {
  const body = row(
    '<mj-text color="#aaaaaa">pale</mj-text><mj-table width="700px"><tr><td style="width:700px">wide</td></tr></mj-table>',
  )
  const { pale, scrollWidth } = await seen(small(body).render({}).html, { width: 390 })
  assert.match(pale.join(), /2\.\d: pale/)
  assert.ok(scrollWidth > 390)
})

test.run()
