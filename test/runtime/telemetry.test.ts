import { readFile } from 'node:fs/promises'
import { type Metric, metrics } from '../../runtime/metrics.ts'
import { metricsPage, scrapedName } from '../../runtime/metrics-page.ts'
import { CELLS_MAX } from '../../runtime/tallies.ts'
import { openTelemetry } from '../../runtime/telemetry.ts'
import { assert, suite } from '../harness.ts'

const test = suite('telemetry')
const all = Object.entries<Metric>(metrics)

test('every metric of the table is in a scrape, with its type, unit and description', async () => {
  const telemetry = await openTelemetry({ service: 'millrace-test' })
  try {
    for (const [name, metric] of all) measure(telemetry, name, metric)
    const lines = (await telemetry.scrape()).split('\n')
    for (const [name, { kind, unit, description, attributes }] of all) {
      const scraped = scrapedName(name, kind)
      assert.ok(lines.includes(`# TYPE ${scraped} ${kind}`), `type of ${scraped}`)
      assert.ok(lines.includes(`# UNIT ${scraped} ${unit}`), `unit of ${scraped}`)
      assert.ok(lines.includes(`# HELP ${scraped} ${description}`), `description of ${scraped}`)
      const labels = attributes.map(attribute => `${attribute}="x"`).join(',')
      const sample = kind === 'histogram' ? `${scraped}_sum` : scraped
      const expected = `${sample}${labels === '' ? '' : `{${labels}}`} 3`
      assert.ok(lines.includes(expected), `${expected} among\n${lines.join('\n')}`)
    }
  } finally {
    await telemetry.close()
  }
})

test('a histogram has the buckets of the table', async () => {
  const telemetry = await openTelemetry({ service: 'millrace-test' })
  try {
    telemetry.record('millrace_commit_duration_ms', 7)
    const scraped = await telemetry.scrape()
    assert.match(scraped, 'millrace_commit_duration_ms_bucket{le="5"} 0\n')
    assert.match(scraped, 'millrace_commit_duration_ms_bucket{le="10"} 1\n')
  } finally {
    await telemetry.close()
  }
})

test('counters and histograms are kept apart by all of their labels, and bounds belong to their buckets', async () => {
  const telemetry = await openTelemetry({ service: 'millrace-test' })
  try {
    for (const route of ['/a', '/b'])
      for (const status of [200, '200', 404])
        telemetry.add('millrace_requests', 2, { status, route })
    for (const value of [1, 5, 5.1, Number.NaN, 100_000])
      telemetry.record('millrace_request_duration_ms', value, { route: '/a' })
    const scraped = await telemetry.scrape()
    assert.match(scraped, 'millrace_requests_total{route="/a",status="200"} 4\n')
    assert.match(scraped, 'millrace_requests_total{route="/b",status="404"} 2\n')
    const buckets = scraped.matchAll(/_duration_ms_bucket\{route="\/a",le="(\S+)"\} (\d+)/g)
    const counts = Object.fromEntries(Array.from(buckets, ([, le, count]) => [le, Number(count)]))
    assert.equal(
      [counts['0.5'], counts['1'], counts['5'], counts['10'], counts['1000'], counts['+Inf']],
      [0, 1, 2, 3, 3, 4],
    )
  } finally {
    await telemetry.close()
  }
})

test('of more sets of labels than are kept, all further ones count together', async () => {
  const telemetry = await openTelemetry({ service: 'millrace-test' })
  try {
    for (let source = 0; source < CELLS_MAX + 50; source++)
      telemetry.add('millrace_collect_events', 1, { source: `s${source}` })
    telemetry.add('millrace_collect_events', 1, { source: 's3' })
    const lines = (await telemetry.scrape()).split('\n')
    const events = lines.filter(line => line.startsWith('millrace_collect_events_total{'))
    assert.is(events.length, CELLS_MAX + 1)
    assert.ok(events.includes('millrace_collect_events_total{source="s3"} 2'))
    assert.ok(events.includes('millrace_collect_events_total{otel_metric_overflow="true"} 50'))
  } finally {
    await telemetry.close()
  }
})

test('a gauge is read at each scrape until it is removed, and one that throws spoils no other', async () => {
  const telemetry = await openTelemetry({ service: 'millrace-test' })
  try {
    let rows = 1
    const remove = telemetry.gauge('millrace_view_rows', () => [
      { value: rows, attributes: { topic: 'email.features' } },
    ])
    telemetry.gauge('millrace_lag_records', () => {
      throw new Error('no such\ntask')
    })
    assert.match(await telemetry.scrape(), 'millrace_view_rows{topic="email.features"} 1\n')
    rows = 2
    const second = await telemetry.scrape()
    assert.match(second, 'millrace_view_rows{topic="email.features"} 2\n')
    assert.match(second, '# a gauge failed: Error: no such task\n')
    remove()
    assert.not.match(await telemetry.scrape(), 'millrace_view_rows{topic="email.features"} 2\n')
  } finally {
    await telemetry.close()
  }
})

test('a process has one telemetry at a time', async () => {
  const first = await openTelemetry({ service: 'millrace-one' })
  try {
    await openTelemetry({ service: 'millrace-two' }).then(
      () => assert.unreachable('the second was opened'),
      (error: unknown) => assert.match(String(error), 'millrace-two'),
    )
  } finally {
    await first.close()
  }
})

test('the environment starts no exporter of traces, logs or metrics', async () => {
  process.env.OTEL_TRACES_EXPORTER = 'otlp'
  process.env.OTEL_METRICS_EXPORTER = 'otlp'
  const api = await import('@opentelemetry/api')
  const telemetry = await openTelemetry({ service: 'millrace-test' })
  try {
    const span = api.trace.getTracer('test').startSpan('one')
    assert.is(span.isRecording(), false)
  } finally {
    await telemetry.close()
    delete process.env.OTEL_TRACES_EXPORTER
    delete process.env.OTEL_METRICS_EXPORTER
  }
})

test('attributes name nothing personal, and every description is a sentence', () => {
  const allowed = [
    'topic',
    'block',
    'partition',
    'reason',
    'lane',
    'route',
    'status',
    'source',
    'mode',
    'provider',
    'outcome',
  ]
  for (const [name, metric] of all) {
    assert.match(name, /^millrace_[a-z_]+$/)
    assert.match(metric.description, /^[A-Z].*\.$/)
    for (const attribute of metric.attributes) assert.ok(allowed.includes(attribute), attribute)
    assert.is(metric.kind === 'histogram', metric.boundaries !== undefined, name)
  }
})

test('docs/METRICS.md is what the table makes', async () => {
  const written = await readFile(new URL('../../docs/METRICS.md', import.meta.url), 'utf8')
  assert.is(
    written,
    metricsPage(),
    'run: node --import ./bin/typescript.js runtime/metrics-page.ts > docs/METRICS.md',
  )
})

/** One measurement of 3 by the table alone, past the compiler's checks of single names. */
function measure(
  telemetry: Awaited<ReturnType<typeof openTelemetry>>,
  name: string,
  { kind, attributes }: Metric,
): void {
  const labels = Object.fromEntries(attributes.map(attribute => [attribute, 'x']))
  const call: unknown = Reflect.get(
    telemetry,
    { counter: 'add', histogram: 'record', gauge: 'gauge' }[kind],
  )
  if (typeof call !== 'function') throw new Error(`telemetry cannot take a ${kind}`)
  if (kind === 'gauge') call(name, () => [{ value: 3, attributes: labels }])
  else call(name, 3, labels)
}

test.run()
