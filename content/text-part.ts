import { type Element, isHidden, isTag, isText, type Node, parseReadable } from './dom.ts'
import { marks, type Tag } from './tags.ts'

const blocks =
  /^(address|blockquote|caption|div|h[1-6]|hr|li|ol|p|table|tbody|td|tfoot|th|thead|tr|ul|body)$/
const paragraphs = /^(blockquote|h[1-6]|ol|p|ul|div|td|th)$/

/**
 * A plain letter of the HTML: paragraphs, lists with dashes, a table's cells on one line, and links with their URLs
 * behind them. Images are left out, and what has the class `html-only`.
 */
export function textPart(html: string, tags: readonly Tag[]): string {
  const out = new Lines(tags)
  const walk = (node: Node, isData: boolean): void => {
    if (isText(node)) out.text(node.data)
    else if (!isTag(node) || isLeftOut(node)) return
    else if (node.name === 'br') out.lineBreak(1)
    else if (node.name === 'a') link(node, isData)
    else element(node, isData)
  }
  const element = (node: Element, isData: boolean): void => {
    const { name } = node
    // A table without role="presentation" is one of figures, not of layout.
    const inData = name === 'table' ? node.attribs.role !== 'presentation' : isData
    const isCell = inData && /^t[dh]$/.test(name)
    const gap = isCell || !blocks.test(name) ? 0 : paragraphs.test(name) ? 2 : 1
    if (gap > 0) out.lineBreak(inData && gap > 1 && name !== 'table' ? 1 : gap)
    if (name === 'li') out.text('- ')
    for (const child of node.children) walk(child, inData)
    if (isCell) out.text(' ')
    else if (gap > 0) out.lineBreak(inData ? 1 : gap)
  }
  const link = (node: Element, isData: boolean): void => {
    const before = out.length
    for (const child of node.children) walk(child, isData)
    const { href = '' } = node.attribs
    const label = out.since(before)
    if (href !== '' && label !== '' && label !== href)
      out.suffix(`: ${href.replace(/^mailto:/i, '')}`)
  }
  for (const node of parseReadable(html).children) walk(node, false)
  return out.toString()
}

function isLeftOut(element: Element): boolean {
  const { name, attribs } = element
  if (/^(head|style|script|img)$/.test(name) || isHidden(element)) return true
  return (attribs.class ?? '').split(/\s+/).includes('html-only')
}

/**
 * Lines as they grow: whitespace runs together, and a break that is asked for twice is made once. A section's tags
 * between paragraphs are no text: what they repeat begins after a break and ends with one.
 */
class Lines {
  private readonly tags: readonly Tag[]
  private out = ''
  /** Line breaks at the end of `out`, but for tags. */
  private ended = 2
  private wanted = 0
  private space = false

  constructor(tags: readonly Tag[]) {
    this.tags = tags
  }

  get length(): number {
    return this.out.length
  }

  since(length: number): string {
    return this.out.slice(length).trim()
  }

  text(text: string): void {
    if (text.trim() === '') {
      this.space = true
      return
    }
    if ((this.wanted > 0 || this.ended > 0) && this.isStructure(text)) {
      this.breakNow()
      this.out += text.replace(/\s/g, '')
      return
    }
    for (const [gap, word] of text.matchAll(/\s+|(\S+)/g)) {
      if (word === undefined) this.space = gap !== ''
      else this.word(word)
    }
  }

  /** Right behind the last word, whatever whitespace there was. */
  suffix(text: string): void {
    this.out += text
  }

  lineBreak(count: number): void {
    this.wanted = Math.max(this.wanted, count)
    this.space = false
  }

  private word(word: string): void {
    this.breakNow()
    this.out += this.space && this.ended === 0 ? ` ${word}` : word
    this.ended = 0
    this.space = false
  }

  private breakNow(): void {
    if (this.wanted > this.ended) {
      this.out += '\n'.repeat(this.wanted - this.ended)
      this.ended = this.wanted
    }
    this.wanted = 0
  }

  /** Nothing but marks of sections and blocks. */
  private isStructure(text: string): boolean {
    if (text.replace(marks(), '').trim() !== '') return false
    return [...text.matchAll(marks())].every(
      ([, kind, at]) => kind === 'b' || kind === 'd' || this.tags[Number(at)]?.kind !== 'value',
    )
  }

  toString(): string {
    return `${this.out.trim()}\n`
  }
}

/** After the values are in: what was not shown leaves its breaks behind. */
export function tidyText(text: string): string {
  return `${text
    .replace(/[ \t]+\n/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`
}
