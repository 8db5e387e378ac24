import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { assert, type Suite } from '../harness.ts'
import type { Arrived, SdkWorld } from './sdk-world.ts'
import type { Site } from './site.ts'

export interface BrowserWorld {
  readonly world: SdkWorld
  readonly site: Site
  /** A browser with no past, and what it asked the collector. */
  visitor(options?: BrowserContextOptions): Promise<Visitor>
}

export interface Visitor {
  /** What has come from this browser since this was last asked, once it is `count`. */
  arrived(count: number): Promise<Arrived[]>
  readonly context: BrowserContext
  /** Below it lie the pages that he sees, and no other. */
  readonly at: string
  readonly page: Page
  /** Requests to the collector but for the script itself: how (`ping` is a beacon) and what. */
  readonly sent: { readonly how: string; readonly method: string; readonly path: string }[]
}

/** The script for pages without an SDK, in a browser, from a site on another origin. */
export function addPageScriptCases(test: Suite, browser: () => BrowserWorld): void {
  const html = (body: string, query = '') => `<!doctype html><title>Rakes</title>
    <script>window.millrace = window.millrace || []</script>${body}
    <script async src="${browser().world.url}/v1/millrace.js?writeKey=dev${query}"></script>`

  test('a page view, its visible time, clicks, calls made before the script was there', async () => {
    const { site, visitor } = browser()
    const { arrived, at, page, sent } = await visitor()
    const body = `<script>
        millrace.push(['identify', 'u-1', { plan: 'pro' }], ['track', 'Product Viewed', { product_id: 'rake' }])
      </script>
      <button data-millrace="Size Chosen" data-millrace-product-size="9"><b>Nine</b></button>
      <a href="next?from=rakes">Next</a><p>Nothing</p>`
    site.page(`${at}/rakes`, html(body))
    site.page(`${at}/next`, html(''))
    await page.goto(`${site.url}${at}/rakes?q=1`)
    await page.waitForFunction('!Array.isArray(millrace)')
    await page.click('p')
    await page.click('b')
    await page.waitForTimeout(150)
    await page.click('a')
    await page.waitForURL('**/next?*')

    const events = await arrived(7)
    const [identify, track, view, button, link, left, next] = events
    assert.equal(
      events.map(({ type, event }) => event ?? type),
      ['identify', 'Product Viewed', 'page', 'Size Chosen', 'Link Clicked', 'Page Left', 'page'],
    )
    assert.equal(identify?.traits, { plan: 'pro' })
    assert.equal(track?.properties, { product_id: 'rake' })
    const place = { path: `${at}/rakes`, referrer: '', search: '?q=1', title: 'Rakes' }
    assert.equal(view?.properties, { ...place, url: `${site.url}${at}/rakes?q=1` })
    assert.equal(button?.properties, { product_size: '9', text: 'Nine' })
    assert.equal(link?.properties, { href: `${site.url}${at}/next?from=rakes`, text: 'Next' })
    assert.equal(left?.context.page, view?.properties, 'the time belongs to the page that was left')
    const visible = Number(left?.properties.visible_ms)
    assert.ok(visible >= 150 && visible < 60_000, `${visible} ms`)
    assert.match(String(next?.properties.referrer), '/rakes')
    for (const { userId, anonymousId, context } of events) {
      assert.is(userId, 'u-1')
      assert.match(String(anonymousId), /^[\da-f]{32}$/)
      assert.is(anonymousId, view?.anonymousId)
      assert.match(String(context.userAgent), /Chrom/)
      assert.is(context.locale, 'en-US')
    }
    assert.is(new Set(events.map(({ messageId }) => messageId)).size, 7)
    for (const { how, method, path } of sent)
      assert.equal([how, method, path], ['ping', 'POST', '/v1/batch'])
  })

  for (const [name, script] of [
    ['Global Privacy Control', 'Navigator.prototype, "globalPrivacyControl", { value: true }'],
    ['Do-Not-Track', 'Navigator.prototype, "doNotTrack", { value: "1" }'],
  ] as const) {
    test(`${name}: nothing is sent, nothing is kept, and calls do no harm`, async () => {
      const { site, visitor } = browser()
      const { arrived, at, context, page, sent } = await visitor()
      site.page(`${at}/private`, html('<a href="#x" data-millrace="Clicked">x</a>'))
      await page.goto(`${site.url}${at}/private`)
      await page.waitForFunction('localStorage.getItem("millrace")')
      await arrived(1)
      sent.length = 0

      await context.addInitScript(`Object.defineProperty(${script})`)
      await page.goto(`${site.url}${at}/private`)
      await page.waitForFunction('!Array.isArray(millrace)')
      await page.evaluate('millrace.push(["identify", "u-2"], ["nonsense"])')
      await page.click('a')
      await page.waitForTimeout(50)
      assert.equal(await page.evaluate('[localStorage.length, document.cookie]'), [0, ''])
      await page.goto('about:blank')
      const left = await arrived(1)
      assert.is(left[0]?.event, 'Page Left', 'of the visit before')
      assert.equal(sent, [])
    })
  }

  test('what a beacon does not take goes by fetch', async () => {
    const { site, visitor } = browser()
    const { arrived, at, page, sent } = await visitor()
    await page.addInitScript('Navigator.prototype.sendBeacon = () => false')
    site.page(`${at}/fetch`, html(''))
    await page.goto(`${site.url}${at}/fetch`)
    assert.is((await arrived(1))[0]?.type, 'page')
    assert.equal(sent, [{ how: 'fetch', method: 'POST', path: '/v1/batch' }])
  })

  test('a prerendered page is silent until it is seen, and one out of the cache is viewed anew', async () => {
    const { site, visitor } = browser()
    const { arrived, at, page, sent } = await visitor()
    await page.addInitScript('Object.defineProperty(document, "prerendering", { value: true })')
    site.page(`${at}/later`, html(''))
    await page.goto(`${site.url}${at}/later`)
    await page.evaluate('millrace.push(["track", "Early"])')
    await page.waitForTimeout(1_200)
    assert.equal(sent, [])
    await page.evaluate('document.dispatchEvent(new Event("prerenderingchange"))')
    const events = await arrived(2)
    assert.equal(events.map(({ type, event }) => event ?? type).sort(), ['Early', 'page'])
    const shown = 'dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))'
    await page.evaluate(shown)
    const again = await arrived(2)
    assert.equal(
      again.map(({ type, event }) => event ?? type),
      ['Page Left', 'page'],
    )
  })

  test('where consent is required nothing is kept or sent before it, and it is carried', async () => {
    const { site, visitor } = browser()
    const { arrived, at, page, sent } = await visitor()
    site.page(`${at}/consent`, html('', '&consent=required'))
    await page.goto(`${site.url}${at}/consent`)
    await page.waitForFunction('!Array.isArray(millrace)')
    await page.evaluate('millrace.track("Too Early")')
    await page.waitForTimeout(1_200)
    assert.is(await page.evaluate('localStorage.length'), 0)
    assert.is(sent.length, 0)

    await page.evaluate('millrace.consent({ marketing: true, ads: false })')
    const [view] = await arrived(1)
    assert.is(view?.type, 'page')
    assert.equal(view?.context.consent, { categoryPreferences: { marketing: true, ads: false } })
    await page.evaluate('millrace.consent({ marketing: false })')
    assert.is(await page.evaluate('localStorage.length'), 0)
  })

  test('a form tells its name, and of its fields only those that it allows', async () => {
    const { site, visitor } = browser()
    const { arrived, at, page } = await visitor()
    const form = `<form action="thanks" data-millrace="Newsletter" data-millrace-fields="plan">
      <input name="email" value="ada@shop.example"><input name="plan" value="pro"><button>Go</button></form>`
    site.page(`${at}/form`, html(form, '&page=none'))
    site.page(`${at}/thanks`, 'Thanks')
    await page.goto(`${site.url}${at}/form`)
    await page.waitForFunction('!Array.isArray(millrace)')
    await page.click('button')
    const [submitted] = await arrived(1)
    assert.is(submitted?.event, 'Form Submitted')
    assert.equal(submitted?.properties, { form_name: 'Newsletter', plan: 'pro' })
  })

  test('a form that is posted to us is counted once, as the same visitor, and leads back', async () => {
    const { world, site, visitor } = browser()
    const { arrived, at, page } = await visitor()
    const form = `<form method="post" action="${world.url}/v1/forms/contact">
      <input type="hidden" name="writeKey" value="dev"><input type="hidden" name="redirect" value="${at}/thanks">
      <input type="hidden" name="anonymousId"><input name="text" value="Hello"><button>Go</button></form>`
    site.page(`${at}/contact`, html(form))
    site.page(`${at}/thanks`, 'Thanks')
    await page.goto(`${site.url}${at}/contact`)
    const [view] = await arrived(1)
    await page.click('button')
    await page.waitForURL(`${site.url}${at}/thanks`)
    const events = await arrived(2)
    const submitted = events.find(({ event }) => event === 'Form Submitted')
    assert.equal(submitted?.properties, { text: 'Hello', form_name: 'contact' })
    assert.is(submitted?.anonymousId, view?.anonymousId)
    assert.ok(events.some(({ event }) => event === 'Page Left'))
  })
}
