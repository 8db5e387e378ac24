const TOKEN =
  /[ \t\r\n]*([{}[\],:]|"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/uy
const DEPTH_MAX = 100

/**
 * Where a text stops being JSON, for a message: the offset of the first character that does not belong there; the
 * text's length where the end comes too early. The parser's own error tells it for some faults only, and repeats
 * what stands there, which may be a secret.
 */
export function jsonFaultAt(text: string): number {
  let at = 0
  const next = (): string => {
    TOKEN.lastIndex = at
    const [whole, token] = TOKEN.exec(text) ?? []
    if (whole === undefined || token === undefined) return ''
    at += whole.length
    return token
  }
  /** Takes the token that must come; else steps back to where the fault is. */
  const take = (fits: (token: string) => boolean): string | undefined => {
    const before = at
    const token = next()
    if (token !== '' && fits(token)) return token
    at = before
    return undefined
  }
  const value = (depth: number): boolean => {
    const token = take(each => !'}],:'.includes(each))
    if (token === undefined || depth > DEPTH_MAX) return false
    if (token !== '{' && token !== '[') return true
    const close = token === '{' ? '}' : ']'
    if (take(each => each === close)) return true
    for (;;) {
      const named = token === '[' || (take(each => each[0] === '"') && take(each => each === ':'))
      if (!named || !value(depth + 1)) return false
      const more = take(each => each === ',' || each === close)
      if (more !== ',') return more !== undefined
    }
  }
  value(0)
  return at + (/^[ \t\r\n]*/.exec(text.slice(at))?.[0].length ?? 0)
}
