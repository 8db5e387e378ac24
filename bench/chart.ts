import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'

/** One bar, with the least and the most of its runs where there were several. */
export interface Bar {
  readonly label: string
  readonly value: number
  readonly least?: number
  readonly most?: number
  /** Of the panel that it stands in; one panel where it is left out. */
  readonly panel?: string
}

export interface Point {
  readonly x: number
  readonly y: number
  readonly line: string
}

export interface Titles {
  readonly title: string
  /** What is measured, with its unit, and where more is better or worse. */
  readonly subtitle: string
}

const folder = fileURLToPath(new URL('../docs/charts/', import.meta.url))
const width = 760
/** Okabe and Ito's colours, which people with colour-blindness can tell apart; lighter ones on dark. */
const style = `
  svg { --paper: #fff; --ink: #1f2328; --soft: #59636e; --rule: #d1d9e0;
        --own: #0072b2; --other1: #d55e00; --other2: #009e73; --other3: #8a6d00; --other4: #a34f82;
        color: var(--ink); font-family: system-ui, -apple-system, 'Segoe UI', sans-serif; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #0d1117; --ink: #e6edf3; --soft: #9198a1; --rule: #3d444d;
          --own: #56b4e9; --other1: #e69f00; --other2: #2fc79a; --other3: #f0e442; --other4: #e39bc6; }
  }`
const others = ['var(--other1)', 'var(--other2)', 'var(--other3)', 'var(--other4)']
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, notation: 'compact' })
const left = 205

/** Bars beside each other, ours in blue; whiskers from the least to the most run. */
export function barChart(name: string, titles: Titles, bars: readonly Bar[]): void {
  const labels = [...new Set(bars.map(({ label }) => label))]
  const panels = [...new Set(bars.map(({ panel }) => panel ?? ''))]
  const inPanel = panels.length > 1 ? { fy: 'panel' } : {}
  const top = Math.max(...bars.map(({ value, most }) => Math.max(value, most ?? 0)))
  const ends = bars.map(bar => ({ ...bar, end: Math.max(bar.value, bar.most ?? 0) }))
  const ranged = bars.filter(({ least, most }) => least !== undefined && least !== most)
  draw(name, titles, panels.length * (labels.length * 26 + 18) + 36, {
    x: { domain: [0, top * 1.15], grid: true, ticks: 5, tickFormat: short.format, label: null },
    y: { domain: labels, label: null },
    ...(panels.length > 1 && { fy: { domain: panels, label: null, axis: null, padding: 0.16 } }),
    color: { domain: labels, range: labels.map(colorOf(labels)) },
    marks: [
      Plot.axisY({ tickSize: 0, label: null, fontSize: 13 }),
      Plot.barX(bars, {
        ...inPanel,
        x: 'value',
        y: 'label',
        fill: 'label',
        insetTop: 3,
        insetBottom: 3,
      }),
      Plot.ruleY(ranged, {
        ...inPanel,
        x1: 'least',
        x2: 'most',
        y: 'label',
        stroke: 'var(--ink)',
        strokeWidth: 2,
      }),
      Plot.text(ends, {
        ...inPanel,
        x: 'end',
        y: 'label',
        text: bar => short.format(bar.value),
        textAnchor: 'start',
        dx: 6,
        fontSize: 13,
      }),
      ...panelNames(panels),
    ],
  })
}

/** Percentiles of each engine on one line, on a scale of tens; the least and the most are told. */
export function dotChart(
  name: string,
  titles: Titles,
  dots: readonly (Bar & { readonly mark: string })[],
): void {
  const labels = [...new Set(dots.map(({ label }) => label))]
  const panels = [...new Set(dots.map(({ panel }) => panel ?? ''))]
  const inPanel = panels.length > 1 ? { fy: 'panel' } : {}
  const spans = labels
    .flatMap(label =>
      panels.map(panel => {
        const own = dots.filter(dot => dot.label === label && (dot.panel ?? '') === panel)
        const values = own.map(({ value }) => value)
        return { label, panel, from: Math.min(...values), to: Math.max(...values) }
      }),
    )
    .filter(({ from }) => Number.isFinite(from))
  const told = (of: 'from' | 'to') =>
    dots.filter(dot =>
      spans.some(
        span =>
          span.label === dot.label && span.panel === (dot.panel ?? '') && span[of] === dot.value,
      ),
    )
  const ends = [
    { at: told('from'), textAnchor: 'end' as const, dx: -9 },
    { at: told('to'), textAnchor: 'start' as const, dx: 9 },
  ]
  draw(name, titles, panels.length * (labels.length * 34 + 18) + 36, {
    x: {
      type: 'log',
      grid: true,
      ticks: 4,
      tickFormat: short.format,
      label: null,
      insetLeft: 64,
      insetRight: 64,
    },
    y: { domain: labels, label: null, type: 'point' },
    ...(panels.length > 1 && { fy: { domain: panels, label: null, axis: null, padding: 0.16 } }),
    color: { domain: labels, range: labels.map(colorOf(labels)) },
    marks: [
      Plot.axisY({ tickSize: 0, label: null, fontSize: 13 }),
      Plot.ruleY(spans, {
        ...inPanel,
        x1: 'from',
        x2: 'to',
        y: 'label',
        stroke: 'label',
        strokeWidth: 3,
      }),
      Plot.dot(dots, { ...inPanel, x: 'value', y: 'label', fill: 'label', r: 5 }),
      ...ends.map(({ at, textAnchor, dx }) =>
        Plot.text(at, {
          ...{ ...inPanel, x: 'value', y: 'label', textAnchor, dx, fontSize: 12 },
          text: dot => `${dot.mark} ${short.format(dot.value)}`,
        }),
      ),
      ...panelNames(panels),
    ],
  })
}

/** Lines over a scale of tens; `tens`: on one, too. */
export function lineChart(
  name: string,
  titles: Titles & { readonly xLabel: string; readonly tens?: boolean },
  points: readonly Point[],
): void {
  const lines = [...new Set(points.map(({ line }) => line))]
  const lasts = lines.flatMap(line => points.filter(point => point.line === line).slice(-1))
  draw(name, titles, 320, {
    marginLeft: 64,
    marginRight: 190,
    marginBottom: 44,
    x: { type: 'log', ticks: 5, tickFormat: short.format, label: titles.xLabel },
    y: {
      grid: true,
      ...(titles.tens ? { type: 'log' } : { zero: true }),
      ticks: 6,
      tickFormat: short.format,
      label: null,
    },
    color: { domain: lines, range: lines.map(colorOf(lines)) },
    marks: [
      Plot.line(points, { x: 'x', y: 'y', stroke: 'line', strokeWidth: 2.5 }),
      Plot.dot(points, { x: 'x', y: 'y', fill: 'line', r: 4 }),
      Plot.text(lasts, {
        x: 'x',
        y: 'y',
        text: 'line',
        fill: 'line',
        textAnchor: 'start',
        dx: 10,
        fontSize: 13,
      }),
    ],
  })
}

/** Ours are blue; those of others take the rest in turn. */
function colorOf(labels: readonly string[]): (label: string) => string {
  const rest = [...new Set(labels.filter(label => !isOurs(label)).map(engineOf))]
  return label =>
    isOurs(label)
      ? 'var(--own)'
      : (others[rest.indexOf(engineOf(label)) % others.length] ?? 'var(--soft)')
}

/** What stands before the comma; its settings follow. */
const engineOf = (label: string) => label.split(',')[0] ?? label
const isOurs = (label: string) => /^millrace/i.test(label)

function panelNames(panels: readonly string[]): Plot.Markish[] {
  if (panels.length < 2) return []
  return [
    Plot.text(panels, {
      fy: panel => panel,
      text: panel => panel,
      frameAnchor: 'top-left',
      dx: 16 - left,
      dy: -14,
      fontSize: 13,
      fontWeight: 600,
    }),
  ]
}

function draw(
  name: string,
  { title, subtitle }: Titles,
  height: number,
  options: Plot.PlotOptions,
): void {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const top = options.fy === undefined ? 64 : 84
  const plot = Plot.plot({
    document,
    width,
    height: height + top,
    marginTop: top,
    marginLeft: left,
    marginRight: 24,
    ...options,
  })
  plot.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  plot.setAttribute('role', 'img')
  plot.setAttribute('aria-label', `${title}: ${subtitle}`)
  plot.querySelector('style')?.remove()
  const head = `<style>${style}</style><rect width="100%" height="100%" rx="8" fill="var(--paper)"/><text x="16" y="26" text-anchor="start" font-size="17" font-weight="600" fill="currentColor">${escaped(title)}</text><text x="16" y="46" text-anchor="start" font-size="13" fill="var(--soft)">${escaped(subtitle)}</text>`
  const text = plot.outerHTML.replace(/^(<svg[^>]*>)/, `$1${head}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}${name}.svg`, `${text}\n`)
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
