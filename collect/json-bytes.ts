/** What a backslash stands for with the letter after it; `\u` is not among them. */
export const escapes = new Uint8Array(256)
for (const [letter, text] of Object.entries({ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }))
  escapes[letter.charCodeAt(0)] = text.charCodeAt(0)
for (const letter of '"\\/') escapes[letter.charCodeAt(0)] = letter.charCodeAt(0)

/** Whether the bytes are the name's. */
export function isSame(json: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start !== name.length) return false
  for (let at = 0; at < name.length; at++) if (json[start + at] !== name[at]) return false
  return true
}

/** Which of the names bytes are. */
export function namesOf<Name extends string>(names: readonly Name[]) {
  const byLength: { readonly name: Name; readonly bytes: Uint8Array }[][] = []
  for (const name of names) {
    byLength[name.length] ??= []
    byLength[name.length]?.push({ name, bytes: Buffer.from(name) })
  }
  return (json: Uint8Array, start: number, end: number): Name | undefined => {
    const known = byLength[end - start]
    if (known === undefined) return undefined
    for (let at = 0; at < known.length; at++) {
      const one = known[at]
      if (one !== undefined && isSame(json, start, end, one.bytes)) return one.name
    }
    return undefined
  }
}

/** Whether a name may be `__proto__` or `constructor`. */
export function isOdd(json: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (length === 9) return json[start] === 0x5f && json[start + 1] === 0x5f
  return length === 11 && json[start] === 0x63 && json[start + 1] === 0x6f
}

/** Less than 0: it is none. */
export function digitAt(json: Uint8Array, at: number): number {
  const digit = (json[at] ?? 0) - 0x30
  return digit <= 9 ? digit : -1
}
