import { pathToFileURL } from 'node:url'
import { type Metric, metrics } from './metrics.ts'

/** docs/METRICS.md, made from the table: `node --import ./bin/typescript.js runtime/metrics-page.ts > docs/METRICS.md` */
export function metricsPage(): string {
  return [
    '# Metrics',
    '',
    'Every process of Millrace answers `GET /metrics` on its own port, in the text format of Prometheus.',
    'This page is made from `runtime/metrics.ts`; a test keeps the two equal. No attribute carries personal data.',
    '',
    '| in a scrape | kind | unit | attributes | what it is |',
    '|---|---|---|---|---|',
    ...Object.entries(metrics).map(([name, metric]) => line(name, metric)),
    '',
    ...Object.entries(metrics).flatMap(([name, metric]) => buckets(name, metric)),
    '',
  ].join('\n')
}

/** The name that Prometheus shows: it wants `_total` behind a counter. */
export function scrapedName(name: string, kind: Metric['kind']): string {
  return kind === 'counter' ? `${name}_total` : name
}

function line(name: string, { kind, unit, attributes, description }: Metric): string {
  const named = attributes.map(attribute => `\`${attribute}\``).join(', ')
  return `| \`${scrapedName(name, kind)}\` | ${kind} | \`${unit}\` | ${named} | ${description} |`
}

function buckets(name: string, { unit, boundaries }: Metric): string[] {
  if (boundaries === undefined) return []
  return [`- Buckets of \`${name}\`, ${unit}: ${boundaries.join(', ')}.`]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.stdout.write(metricsPage())
