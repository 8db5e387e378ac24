import { assert, type Suite } from '../harness.ts'
import { serveAnalyticsNext } from './measure-browser.ts'
import type { BrowserWorld } from './page-script-cases.ts'

/** Segment's SDK for browsers, as its package has it, in a page of another origin. */
export function addAnalyticsNextCases(test: Suite, browser: () => BrowserWorld): void {
  test('@segment/analytics-next: every call arrives as it was sent, set up by what we answer', async () => {
    const { world, site, visitor } = browser()
    const { arrived, at, page } = await visitor()
    serveAnalyticsNext(site, at)
    await page.goto(`${site.url}${at}/sdk?utm_campaign=spring`)
    await page.evaluate(`(async () => {
      const sdk = AnalyticsNext.AnalyticsBrowser.load({ writeKey: 'dev', cdnURL: '${world.url}' })
      await sdk.alias('u-8', 'a-0') // once it knows a user, it sends that one's id instead of u-8
      await sdk.identify('u-7', { plan: 'pro', address: { city: 'Köln' } })
      await sdk.track('Order Completed', { revenue: 12.5, note: 'Grüße 🌱' },
        { context: { consent: { categoryPreferences: { ads: false } } } })
      await sdk.page('Shop', 'Home', { items: 1 })
      await sdk.screen('Shop', 'Cart', { items: 2 })
      await sdk.group('g-1', { employees: 7 })
    })()`)
    const events = await arrived(6)
    const byType = new Map(events.map(event => [event.type, event]))
    const told = events.map(({ type, userId, name, event, groupId }) =>
      [type, userId, event ?? name ?? groupId].join(' '),
    )
    assert.equal(told.sort(), [
      'alias u-8 ',
      'group u-7 g-1',
      'identify u-7 ',
      'page u-7 Home',
      'screen u-7 Cart',
      'track u-7 Order Completed',
    ])
    assert.equal(byType.get('identify')?.traits, { plan: 'pro', address: { city: 'Köln' } })
    const track = byType.get('track')
    assert.equal(track?.properties, { revenue: 12.5, note: 'Grüße 🌱' })
    assert.equal(track?.context.consent, { categoryPreferences: { ads: false } })
    assert.equal(track?.context.campaign, { name: 'spring' })
    assert.equal(byType.get('group')?.traits, { employees: 7 })
    assert.is(byType.get('page')?.properties.path, `${at}/sdk`)
    assert.is(byType.get('alias')?.previousId ?? byType.get('alias')?.anonymousId, 'a-0')
    assert.is(new Set(events.map(({ messageId }) => messageId)).size, 6)
  })
}
