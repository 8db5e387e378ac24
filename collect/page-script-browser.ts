import type { PageApi, PageElement, PageEvent, PageWindow, Visitor } from './page-script-window.ts'

/**
 * What runs in the browser, sent as the text of this function: so it uses nothing from outside but `window`, and
 * `pageScript` squeezes it line by line: no comments within, no string with two spaces, none over two lines.
 *
 * In order: who we are (the script's own URL), whether we may (Do-Not-Track, Global Privacy Control, consent), who
 * the visitor is (an id in localStorage), then events in a queue of at most 20, sent together a second later, or
 * when the page goes out of sight, by a beacon.
 */
export function runInPage(window: PageWindow): void {
  const { document, location, navigator } = window
  const calls = window.millrace || []
  const source = document.currentScript && new URL(document.currentScript.src)
  if (!source || !Array.isArray(calls)) return
  const nothing = () => undefined
  const stored = (change: (storage: PageWindow['localStorage']) => unknown) => {
    try {
      return change(window.localStorage)
    } catch {
      return nothing()
    }
  }
  const forget = () => stored(storage => storage.removeItem('millrace'))
  if (navigator.globalPrivacyControl || navigator.doNotTrack === '1') {
    window.millrace = { push: nothing }
    forget()
    return
  }

  const parameter = (name: string) => source.searchParams.get(name)
  const mayKeep = () =>
    parameter('consent') !== 'required' || Object.values(visitor.consent || {}).includes(true)
  const save = () => {
    if (mayKeep()) stored(storage => storage.setItem('millrace', JSON.stringify(visitor)))
  }
  const makeId = () =>
    Array.from(window.crypto.getRandomValues(new Uint8Array(16)), byte =>
      (byte + 256).toString(16).slice(1),
    ).join('')

  const place = () => {
    const { referrer, title } = document
    const { href: url, pathname: path, search } = location
    return { path, referrer, search, title, url }
  }

  let visitor: Visitor = stored(storage => JSON.parse(storage.getItem('millrace') || '')) || {}
  let queue: object[] = []
  let timer = 0
  let here = place()
  let seenFrom = 0
  visitor.anonymousId ||= makeId()
  save()

  const flush = () => {
    window.clearTimeout(timer)
    timer = 0
    if (!queue[0]) return
    const body = JSON.stringify({
      writeKey: parameter('writeKey'),
      sentAt: new Date(),
      batch: queue,
    })
    queue = []
    const url = `${source.origin}/v1/batch`
    if (navigator.sendBeacon?.(url, body)) return
    const keepalive = body.length < 60000
    window.fetch(url, { method: 'POST', mode: 'no-cors', keepalive, body }).catch(nothing)
  }
  const send = (type: string, fields: object) => {
    if (!mayKeep()) return
    const { anonymousId, userId, consent } = visitor
    queue.push({
      type,
      messageId: makeId(),
      anonymousId,
      userId,
      timestamp: new Date(),
      context: {
        page: here,
        locale: navigator.language,
        consent: consent && { categoryPreferences: consent },
      },
      ...fields,
    })
    timer ||= window.setTimeout(flush, 1000)
    if (queue.length > 19) flush()
  }
  const track = (event: string, properties?: object) => send('track', { event, properties })
  const look = (event?: PageEvent) => {
    const now = window.performance.now()
    const visible_ms = Math.round(now - seenFrom)
    if (seenFrom && visible_ms > 99) track('Page Left', { visible_ms })
    seenFrom = document.visibilityState === 'visible' && event?.type !== 'pagehide' ? now : 0
    if (!seenFrom) flush()
  }

  const api: PageApi = {
    track,
    page(name, properties) {
      if (seenFrom) look()
      here = place()
      send('page', { name, properties: { ...here, ...properties } })
      look()
    },
    identify(userId, traits) {
      visitor.userId = userId
      save()
      send('identify', { traits })
    },
    group: (groupId, traits) => send('group', { groupId, traits }),
    consent(consent) {
      const couldKeep = mayKeep()
      visitor.consent = consent
      if (mayKeep()) {
        save()
        if (couldKeep) return
        seenFrom = 0
        api.page()
      } else {
        queue = []
        forget()
      }
    },
    reset() {
      visitor = { anonymousId: makeId(), consent: visitor.consent }
      save()
    },
  }

  const attributes = (element: PageElement, found: Record<string, unknown>) => {
    for (const { name, value } of Array.from(element.attributes))
      if (name.startsWith('data-millrace-')) found[name.slice(14).replace(/-/g, '_')] = value
    return found
  }
  const clicked = ({ target, button }: PageEvent) => {
    const element = target.closest?.('[data-millrace]:not(form),a[href]')
    if (!element || button > 1) return
    const { href, textContent, dataset } = element
    const text = (textContent || '').trim().slice(0, 100)
    track(dataset.millrace || 'Link Clicked', attributes(element, { href, text }))
  }
  const submitted = ({ target: form }: PageEvent) => {
    const { href } = new URL(form.getAttribute('action') || '', location.href)
    if (href.startsWith(`${source.origin}/v1/forms/`)) {
      for (const name of ['anonymousId', 'userId'] as const) {
        const field = form.querySelector(`input[name=${name}]`)
        if (field && mayKeep()) field.value ||= visitor[name] || ''
      }
      return
    }
    const { fields = '', ...found } = attributes(form, {})
    const values = new window.FormData(form)
    for (const name of `${fields}`.split(' ')) {
      const value = values.get(name)
      if (typeof value === 'string') found[name] = value
    }
    found.form_name = form.dataset.millrace || form.getAttribute('name') || form.id
    track('Form Submitted', found)
  }

  const start = () => {
    window.millrace = {
      ...api,
      push(...more) {
        for (const [name, ...values] of more) api[name]?.(...(values as [never, never]))
      },
    }
    window.millrace.push(...calls)
    if (!calls.some(([name]) => name === 'page') && parameter('page') !== 'none') api.page()
    document.addEventListener('visibilitychange', look)
    document.addEventListener('click', clicked, true)
    document.addEventListener('auxclick', clicked, true)
    document.addEventListener('submit', submitted, true)
    window.addEventListener('pagehide', look)
    window.addEventListener('pageshow', event => event.persisted && api.page())
  }
  if (document.prerendering) document.addEventListener('prerenderingchange', start, true)
  else start()
}
