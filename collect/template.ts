/** A value of JSON whose texts may name places: `{properties.email}`. */
export type Template = unknown
/** What a place holds; `undefined` where it holds nothing. */
export type Lookup = (path: string) => unknown

const PLACE = /\{([^{}\s]+)\}/g
const DEPTH_MAX = 20
const LEVELS_MAX = 200

/**
 * Fills a template. A text that is one place only becomes what that holds, of whatever type, and is left out where
 * it holds nothing. In a longer text places are put as text; where one of them holds nothing, or no text, number or
 * boolean, the whole text is left out, so that no id is half an id. Everything else stays as it is.
 */
export function fill(template: Template, lookup: Lookup, depth = 0): unknown {
  if (depth > DEPTH_MAX) throw new RangeError(`a template is at most ${DEPTH_MAX} deep`)
  if (typeof template === 'string') return fillText(template, lookup)
  if (Array.isArray(template))
    return template.map(each => fill(each, lookup, depth + 1)).filter(each => each !== undefined)
  if (typeof template !== 'object' || template === null) return template
  const filled: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(template)) {
    const value = fill(inner, lookup, depth + 1)
    if (value !== undefined) define(filled, name, value)
  }
  return filled
}

/**
 * Fills a URL's template, each place as one component. A parameter of the query is left out where its place holds
 * nothing.
 */
export function fillUrl(template: string, lookup: Lookup): string {
  const [base = '', ...query] = template.split('?')
  const encoded: Lookup = path => {
    const text = asText(lookup(path))
    return text === undefined ? undefined : encodeURIComponent(text)
  }
  const filledBase = base.replaceAll(PLACE, (_place, path) => String(encoded(path) ?? ''))
  const parameters = query
    .join('?')
    .split('&')
    .filter(parameter => parameter !== '')
    .map(parameter => fillText(parameter, encoded))
    .filter(parameter => parameter !== undefined)
  return parameters.length === 0 ? filledBase : `${filledBase}?${parameters.join('&')}`
}

/** The places that a template names. */
export function placesIn(template: Template): string[] {
  const places: string[] = []
  fill(template, path => {
    places.push(path)
    return path
  })
  return places
}

/** What lies at a path with dots: `results.0.id`; '' is the whole. Only what the value itself has. */
export function valueAt(value: unknown, path: string): unknown {
  if (path === '') return value
  let found = value
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Record<string, unknown>)[name]
  }
  return found ?? undefined
}

/** Whether it is nested further than anybody means it; what is, JSON may not be able to say. */
export function isTooDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth >= LEVELS_MAX || Object.values(value).some(inner => isTooDeep(inner, depth + 1))
}

/** Puts a value at a path with dots, and makes the objects on the way. Throws where something else is in the way. */
export function putAt(target: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.')
  const last = names.pop() ?? ''
  let inner = target
  for (const name of names) {
    const next = Object.hasOwn(inner, name) ? inner[name] : define(inner, name, {})
    if (typeof next !== 'object' || next === null || Array.isArray(next))
      throw new TypeError(`"${path}" lies in something that is no object`)
    inner = next as Record<string, unknown>
  }
  define(inner, last, value)
}

function fillText(text: string, lookup: Lookup): unknown {
  const whole = /^\{([^{}\s]+)\}$/.exec(text)
  if (whole) return lookup(whole[1] ?? '') ?? undefined
  let missing = false
  const filled = text.replaceAll(PLACE, (_place, path) => {
    const found = asText(lookup(path))
    missing ||= found === undefined
    return found ?? ''
  })
  return missing ? undefined : filled
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** Also a member named `__proto__` is only a member. */
function define(target: Record<string, unknown>, name: string, value: unknown): unknown {
  Object.defineProperty(target, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
  return value
}
