import type { Page } from 'playwright-core'
import { assert, type Suite } from '../harness.ts'
import type { BrowserWorld } from './page-script-cases.ts'

/** What links of an email do in a browser, and whether the pages behind them are for everybody. */
export function addEmailCases(test: Suite, browser: () => BrowserWorld): void {
  const mailing = { emailId: 'm-1', userId: 'u-9', list: 'Weekly news' }

  test('the pixel is an image, and a click goes on to a site that learns nothing of where from', async () => {
    const { world, site, visitor } = browser()
    const { arrived, at, page } = await visitor()
    const { pixelUrl, clickUrl } = world.links
    const target = `${site.url}${at}/sale`
    site.page(`${at}/sale`, 'Sale')
    site.page(
      `${at}/mail`,
      `<img src="${pixelUrl(mailing)}" alt=""><a href="${clickUrl(mailing, { target })}">Sale</a>`,
    )
    await page.goto(`${site.url}${at}/mail`)
    const size = 'document.images[0].complete && document.images[0].naturalWidth'
    assert.is(await page.evaluate(size), 1)
    await page.click('a')
    await page.waitForURL(target)
    assert.is(site.refererOf(`${at}/sale`), '')
    const events = await arrived(2)
    assert.equal(
      events.map(({ event, userId }) => `${event} ${userId}`),
      ['Email Opened u-9', 'Email Link Clicked u-9'],
    )
  })

  test('unsubscribing takes a keyboard and no script, in dark and on a small screen', async () => {
    const { world, visitor } = browser()
    for (const colorScheme of ['light', 'dark'] as const) {
      const { arrived, page } = await visitor({
        colorScheme,
        javaScriptEnabled: false,
        viewport: { width: 320, height: 480 },
      })
      const complaints: string[] = []
      page.on('console', message => complaints.push(message.text()))
      await page.goto(world.links.unsubscribeUrl(mailing))
      await assertReadable(page)
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.waitForSelector('text=You are unsubscribed')
      await assertReadable(page)
      const [event] = await arrived(1)
      assert.is(event?.event, 'Unsubscribed')
      assert.equal(event?.properties, { email_id: 'm-1', list_id: 'Weekly news' })
      assert.equal(complaints, [])
    }
  })
}

/** Language, heading and title, no sideways scrolling, contrasts of WCAG 2.2 AA (1.4.3). */
async function assertReadable(page: Page): Promise<void> {
  const found = await page.evaluate(`({
    lang: document.documentElement.lang,
    headings: [...document.querySelectorAll('h1')].map(each => each.textContent),
    title: document.title,
    scrolls: document.documentElement.scrollWidth > innerWidth,
    colours: [...document.querySelectorAll('h1, p, button')].map(each => {
      const ground = each.tagName === 'BUTTON' ? each : each.closest('main')
      return [getComputedStyle(each).color, getComputedStyle(ground).backgroundColor]
    }),
  })`)
  const { lang, headings, title, scrolls, colours } = found as {
    lang: string
    headings: string[]
    title: string
    scrolls: boolean
    colours: [string, string][]
  }
  assert.equal([lang, headings, scrolls], ['en', [title], false])
  assert.ok(colours.length >= 2)
  for (const [ink, ground] of colours)
    assert.ok(contrast(ink, ground) >= 4.5, `${ink} on ${ground}: ${contrast(ink, ground)}`)
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one: string, other: string): number {
  const luminance = (colour: string) => {
    const parts = (colour.match(/\d+/g) ?? []).slice(0, 3).map(Number)
    const [r = 0, g = 0, b = 0] = parts.map(part =>
      part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
    )
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}
