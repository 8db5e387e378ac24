const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** For HTML's text and quoted attributes. */
export function escapeHtml(text: string): string {
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, sign => entities[sign] ?? '') : text
}

/** For plain text: a value stays on its line, so that it cannot look like another part of the letter. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
  return text.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim()
}

const urlLengthMax = 2_000

/**
 * An absolute http, https or mailto URL as it came; undefined for all else (`javascript:`, `data:`, relative, with a
 * line break, or longer than 2,000 characters): in an email it could only be a mistake or an attack.
 */
export function safeUrl(text: string): string | undefined {
  if (text.length > urlLengthMax || !/^(https?:\/\/[^/?#]|mailto:[^?])/i.test(text))
    return undefined
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
  return /[\s\u0000-\u0020\u007f"<>\\^`{|}]/.test(text) || !URL.canParse(text) ? undefined : text
}
