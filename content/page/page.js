import { drawAmp } from './amp.js'

/** The shop beside the inbox: what is clicked here is an event, and the email beside it is drawn anew. */
const at = id => document.getElementById(id)
const settings = await (await fetch('/page/settings.json')).json()
/** `waiting`: clicks that the email does not show yet, in their order. */
const state = { part: 'html', waiting: [], drawing: 0, features: {}, asOf: 0 }

const user = at('user')
user.value = localStorage.getItem('user') ?? `guest-${Math.random().toString(36).slice(2, 8)}`
let stream
follow()
user.addEventListener('change', follow)
at('template').addEventListener('change', draw)
at('order').addEventListener('click', order)
for (const tab of document.querySelectorAll('[role=tab]')) {
  tab.addEventListener('click', () => choose(tab))
  tab.addEventListener('keydown', moveAmongTabs)
}
showProducts()

/** Listens for the user's rows, of which the first comes at once where there is one. */
function follow() {
  localStorage.setItem('user', user.value)
  stream?.close()
  Object.assign(state, { features: {}, asOf: 0, waiting: [] })
  at('features').replaceChildren()
  stream = new EventSource(`/page/rows?user=${encodeURIComponent(user.value)}`)
  stream.addEventListener('row', ({ data }) => {
    const { features, asOf } = JSON.parse(data)
    state.asOf = asOf
    showFeatures(features)
    draw()
  })
  draw()
}

async function showProducts() {
  const { products } = await (await fetch('/page/products.json')).json()
  at('products').replaceChildren(
    ...products.map(product => {
      const look = element('button', 'look')
      look.type = 'button'
      const image = element('img')
      Object.assign(image, { src: product.image, alt: '', width: 320, height: 200 })
      look.append(
        image,
        element('span', 'title', product.title),
        element('span', 'price', product.priceText),
      )
      look.setAttribute('aria-label', `Look at ${product.title}, ${product.priceText}`)
      look.addEventListener('click', () => send('Product Viewed', product))
      const add = element('button', 'add', 'Add to cart')
      add.type = 'button'
      add.setAttribute('aria-label', `Add ${product.title} to the cart`)
      add.addEventListener('click', () => send('Product Added', { ...product, quantity: 1 }))
      const item = element('li')
      item.append(look, add)
      return item
    }),
  )
}

function order() {
  const lines = state.features.cart?.items ?? []
  if (lines.length === 0) return note('There is nothing in the cart yet: add something first.')
  const revenue = lines.reduce((sum, { price, quantity }) => sum + (price ?? 0) * quantity, 0)
  const products = lines.map(({ id, price, quantity }) => ({ product_id: id, price, quantity }))
  send('Order Completed', { title: `${lines.length} products`, revenue, products })
}

/** One call of Segment's HTTP API, as any page makes it. */
async function send(event, { id, title, price, category, quantity, revenue, products }) {
  const clickedAt = performance.now()
  const happenedAt = Date.now()
  const ids = id && { product_id: id, name: title, price, category, ...(quantity && { quantity }) }
  const entry = element('li')
  const took = element('span', 'ms', '…')
  entry.append(element('span', '', `${event}: ${title}`), took)
  at('events').prepend(entry)
  while (at('events').children.length > 8) at('events').lastElementChild.remove()
  state.waiting.push({ clickedAt, happenedAt, took })
  try {
    const answer = await fetch(`${settings.collectUrl}/v1/track`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${settings.writeKey}:`)}` },
      body: JSON.stringify({
        ...{ userId: user.value, event, messageId: crypto.randomUUID() },
        timestamp: new Date(happenedAt).toISOString(),
        properties: { ...ids, ...(revenue !== undefined && { revenue, products }) },
      }),
    })
    if (!answer.ok) throw new Error(`it was answered ${answer.status}`)
  } catch (error) {
    took.textContent = 'not taken'
    note(`The event was not taken: ${error.message}. Is it still running?`)
  }
}

/** Draws the email; of several at once the last counts. */
async function draw() {
  const drawing = ++state.drawing
  const { asOf, part } = state
  const query = new URLSearchParams({ user: user.value, template: at('template').value })
  const letter = await (await fetch(`/page/email.json?${query}`)).json()
  const amp =
    part === 'amp' ? await drawAmp(letter.amp ?? '', letter.ampOrigin, settings.sender) : undefined
  if (drawing !== state.drawing) return
  at('subject').textContent = letter.subject
  at('frame').hidden = part === 'text'
  at('plain').hidden = part !== 'text'
  at('plain').textContent = letter.text
  const html = amp?.html ?? letter.html
  if (part !== 'text' && at('frame').srcdoc !== html) {
    const loaded = new Promise(resolve =>
      at('frame').addEventListener('load', resolve, { once: true }),
    )
    at('frame').srcdoc = html
    await loaded
  }
  note(notes[part](letter, amp))
  tellTime(asOf)
}

const notes = {
  html: ({ html }) => `${kilobytes(html)} of HTML, as it would be sent now`,
  amp: (_letter, amp) =>
    `${amp.lists} live ${amp.lists === 1 ? 'list' : 'lists'}, asked for just now as a mail client does, ${Math.round(amp.ms)} ms; drawn by a stand-in for AMP's own runtime`,
  text: ({ text }) => `${kilobytes(text)} of plain text, for whoever shows nothing else`,
}

/** Of the clicks that are in a row of that time, which has just been drawn. */
function tellTime(asOf) {
  const drawn = state.waiting.filter(({ happenedAt }) => happenedAt <= asOf)
  if (drawn.length === 0) return
  state.waiting = state.waiting.filter(({ happenedAt }) => happenedAt > asOf)
  for (const { clickedAt, took } of drawn) {
    took.textContent = `${Math.round(performance.now() - clickedAt)} ms`
    at('took').textContent = took.textContent
  }
  const letter = document.querySelector('.letter')
  letter.classList.remove('fresh')
  void letter.offsetWidth
  letter.classList.add('fresh')
}

function showFeatures(features) {
  const before = state.features
  state.features = features
  at('features').replaceChildren(
    ...Object.entries(features).flatMap(([name, value]) => {
      const text = readable(value)
      const shown = element('dd', text === readable(before[name]) ? '' : 'changed', text)
      return [element('dt', '', name), shown]
    }),
  )
}

function readable(value) {
  if (value === null || value === undefined) return '–'
  if (Array.isArray(value)) return value.map(readable).join(', ') || '–'
  if (typeof value === 'object')
    return Object.entries(value)
      .filter(([, part]) => part !== null)
      .map(([name, part]) => `${name} ${readable(part)}`)
      .join(' · ')
  if (typeof value === 'number' && value > 1e12) return new Date(value).toLocaleTimeString()
  return typeof value === 'number' ? String(Math.round(value * 100) / 100) : String(value)
}

function choose(tab) {
  state.part = tab.dataset.part
  for (const each of document.querySelectorAll('[role=tab]')) {
    each.setAttribute('aria-selected', String(each === tab))
    each.tabIndex = each === tab ? 0 : -1
  }
  at('letter').setAttribute('aria-labelledby', tab.id)
  draw()
}

/** Tabs are one stop of the Tab key, and moved among by arrows: https://www.w3.org/WAI/ARIA/apg/patterns/tabs/ */
function moveAmongTabs(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
  if (step === undefined) return
  const tabs = [...document.querySelectorAll('[role=tab]')]
  const next = tabs[(tabs.indexOf(event.currentTarget) + step + tabs.length) % tabs.length]
  next.focus()
  choose(next)
}

function note(text) {
  at('note').textContent = text
}

function kilobytes(text) {
  return `${(new Blob([text]).size / 1000).toFixed(1)} KB`
}

function element(name, className = '', text = '') {
  const made = document.createElement(name)
  if (className) made.className = className
  made.textContent = text
  return made
}
