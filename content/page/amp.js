/**
 * Draws an email's AMP part without AMP's own runtime, which comes from a network that a machine of one's own may not
 * have: asks for each list as a mail client does, fills its template in, and shows images. Answers the HTML, how
 * many lists there were, and how long their answers took.
 *
 * @param {string} source
 * @param {string} origin what stands in the email for this server, since AMP asks by https only
 * @param {string} sender who sent the email
 */
export async function drawAmp(source, origin, sender) {
  const began = performance.now()
  const letter = new DOMParser().parseFromString(source, 'text/html')
  const lists = [...letter.querySelectorAll('amp-list')]
  await Promise.all(lists.map(list => drawList(list, origin, sender)))
  const ms = performance.now() - began
  for (const image of letter.querySelectorAll('amp-img')) {
    const drawn = letter.createElement('img')
    for (const name of ['src', 'alt', 'width', 'height', 'class'])
      if (image.hasAttribute(name)) drawn.setAttribute(name, image.getAttribute(name))
    image.replaceWith(drawn)
  }
  for (const left of letter.querySelectorAll('script, style[amp4email-boilerplate]')) left.remove()
  return { html: `<!doctype html>${letter.documentElement.outerHTML}`, lists: lists.length, ms }
}

async function drawList(list, origin, sender) {
  const src = list.getAttribute('src').replace(origin, '')
  const drawn = document.createElement('div')
  try {
    const answer = await fetch(src, { headers: { 'AMP-Email-Sender': sender } })
    if (!answer.ok) throw new Error(String(answer.status))
    const { items } = await answer.json()
    drawn.innerHTML = fill(list.querySelector('template').innerHTML, items)
  } catch {
    drawn.innerHTML = list.querySelector('[fallback]')?.innerHTML ?? ''
  }
  list.replaceWith(drawn)
}

/** The part of mustache that AMP has in emails: variables, sections, inverted sections. */
function fill(template, view) {
  const section = /\{\{([#^])([\w.]+)\}\}((?:(?!\{\{[#^]\2\}\})[\s\S])*?)\{\{\/\2\}\}/
  const found = section.exec(template)
  if (found === null)
    return template.replace(/\{\{([\w.]+)\}\}/g, (_all, name) => escapeHtml(lookUp(view, name)))
  const [all, kind, name, inner] = found
  const value = lookUp(view, name)
  const list = Array.isArray(value) ? value : value ? [value] : []
  const filled =
    kind === '^'
      ? list.length === 0
        ? fill(inner, view)
        : ''
      : list
          .map(each => fill(inner, typeof each === 'object' ? { ...view, ...each } : view))
          .join('')
  return (
    fill(template.slice(0, found.index), view) +
    filled +
    fill(template.slice(found.index + all.length), view)
  )
}

function lookUp(view, name) {
  return name.split('.').reduce((value, part) => value?.[part], view)
}

function escapeHtml(value) {
  const signs = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return String(value ?? '').replace(/[&<>"']/g, sign => signs[sign])
}
