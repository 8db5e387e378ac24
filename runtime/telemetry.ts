import { createRequire } from 'node:module'
import type { ObservableResult } from '@opentelemetry/api'
import type { InstrumentType as InstrumentKind } from '@opentelemetry/sdk-metrics'
import { type Metric, metrics } from './metrics.ts'
import { CounterTally, HistogramTally } from './tallies.ts'
import { talliesProducer } from './tallies-producer.ts'

/** What a process measures. Names and attributes are those of the table in metrics.ts, checked by the compiler. */
export interface Telemetry {
  /** Adds to a counter; never a negative amount. */
  add<Name extends CounterName>(name: Name, amount: number, ...rest: Labels<Name>): void
  /** Takes one value into a histogram, in the metric's unit. */
  record<Name extends HistogramName>(name: Name, value: number, ...rest: Labels<Name>): void
  /** Asks `read` at each scrape; it must be quick. Several may read for one name. The answer removes it. */
  gauge<Name extends GaugeName>(name: Name, read: () => readonly Reading<Name>[]): () => void
  /** All of it in Prometheus' text format, version 0.0.4. */
  scrape(): Promise<string>
  close(): Promise<void>
}

export type MetricName = keyof typeof metrics
export type CounterName = NamesOf<'counter'>
export type HistogramName = NamesOf<'histogram'>
export type GaugeName = NamesOf<'gauge'>
type NamesOf<Kind> = {
  [Name in MetricName]: (typeof metrics)[Name]['kind'] extends Kind ? Name : never
}[MetricName]

/** A value for each attribute of the metric, and for no other. */
export type Attributes<Name extends MetricName> = {
  readonly [Attribute in (typeof metrics)[Name]['attributes'][number]]: string | number
}

/** Attributes are an argument only where the metric has some. */
type Labels<Name extends MetricName> = keyof Attributes<Name> extends never
  ? []
  : [attributes: Attributes<Name>]

export type Reading<Name extends MetricName> = keyof Attributes<Name> extends never
  ? { readonly value: number }
  : { readonly value: number; readonly attributes: Attributes<Name> }

const nothing = () => undefined

/** Measures nothing: for callers that were given none. */
export const noTelemetry: Telemetry = {
  add: nothing,
  record: nothing,
  gauge: () => nothing,
  scrape: async () => '# nothing is measured here\n',
  close: async () => undefined,
}

/**
 * Starts OpenTelemetry for this process, of which it knows only one: open a second only after the first
 * was closed. Metrics alone, and only for `scrape`: no port, no traces, no logs, whatever the environment
 * says, since its variables may be meant for other programs. OTEL_RESOURCE_ATTRIBUTES and
 * OTEL_SDK_DISABLED are honoured.
 *
 * Counters and histograms are kept by tallies.ts and handed to the SDK at each scrape: its own instruments cost a
 * microsecond a call, some of which are made for each request. The SDK is loaded here, because that takes a tenth of
 * a second; `sdk-node` would load exporters of all kinds beside it, and take three times as long.
 *
 * @param options.service the resource's `service.name`, such as `millrace-serve`
 */
export async function openTelemetry(options: { service: string }): Promise<Telemetry> {
  if (process.env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return noTelemetry
  const { api, sdk, resources, prometheus } = loadSdk()
  const { AggregationTemporality, InstrumentType } = sdk

  /** By itself the SDK repeats a gauge's last value for ever, also of a task that went to another process. */
  class Exporter extends prometheus.PrometheusExporter {
    override selectAggregationTemporality(type: InstrumentKind) {
      if (type === InstrumentType.OBSERVABLE_GAUGE) return AggregationTemporality.DELTA
      return super.selectAggregationTemporality(type)
    }
  }
  // Not the process detector: command lines hold secrets and paths.
  const detected = resources.detectResources({ detectors: [resources.envDetector] })
  const named = resources.resourceFromAttributes({ 'service.name': options.service })
  const resource = resources.defaultResource().merge(detected).merge(named)
  const counters = ofKind('counter', (name, metric) => new CounterTally(name, metric))
  const histograms = ofKind('histogram', (name, metric) => new HistogramTally(name, metric))
  const tallied = { counters: [...counters.values()], histograms: [...histograms.values()] }
  const producer = talliesProducer({ api, sdk, resource, ...tallied })
  const exporter = new Exporter({ preventServerStart: true, metricProducers: [producer] })
  const provider = new sdk.MeterProvider({ resource, readers: [exporter] })
  if (!api.metrics.setGlobalMeterProvider(provider)) {
    await provider.shutdown()
    throw new Error(
      `OpenTelemetry is already running in this process, so ${options.service} cannot start its own: ` +
        'close the first, or share it',
    )
  }

  const meter = provider.getMeter('millrace')
  const gauges = ofKind('gauge', (name, { unit, description }) =>
    meter.createObservableGauge(name, { unit, description }),
  )
  const serializer = new prometheus.PrometheusSerializer('', false, undefined, false, true)

  return {
    add: (name, amount, ...[attributes]) => found(counters, name).add(amount, attributes),
    record: (name, value, ...[attributes]) => found(histograms, name).record(value, attributes),

    gauge(name, read) {
      const observe = (result: ObservableResult) => {
        for (const reading of read()) {
          result.observe(reading.value, 'attributes' in reading ? reading.attributes : undefined)
        }
      }
      const gauge = found(gauges, name)
      gauge.addCallback(observe)
      return () => gauge.removeCallback(observe)
    },

    async scrape() {
      const { resourceMetrics, errors } = await exporter.collect()
      const failures = errors.map(error => `# a gauge failed: ${oneLine(error)}\n`)
      return serializer.serialize(resourceMetrics) + failures.join('')
    },

    async close() {
      await provider.shutdown()
      api.metrics.disable()
    },
  }
}

/** Required: for an import, Node would first search each module for the names that it exports. */
function loadSdk() {
  const require = createRequire(import.meta.url)
  const requireOfSdk = createRequire(require.resolve('@opentelemetry/sdk-metrics')) // resources of the same version
  return {
    api: require('@opentelemetry/api') as typeof import('@opentelemetry/api'),
    sdk: require('@opentelemetry/sdk-metrics') as typeof import('@opentelemetry/sdk-metrics'),
    resources: requireOfSdk(
      '@opentelemetry/resources',
    ) as typeof import('@opentelemetry/resources'),
    prometheus:
      require('@opentelemetry/exporter-prometheus') as typeof import('@opentelemetry/exporter-prometheus'),
  }
}

/** Those of one kind, made at once, so that a name in use later cannot be new. */
function ofKind<Made>(
  kind: Metric['kind'],
  make: (name: string, metric: Metric) => Made,
): Map<string, Made> {
  const own = Object.entries<Metric>(metrics).filter(([, metric]) => metric.kind === kind)
  return new Map(own.map(([name, metric]) => [name, make(name, metric)]))
}

function found<Made>(made: ReadonlyMap<string, Made>, name: string): Made {
  const one = made.get(name)
  if (one === undefined) throw new Error(`${name} is no metric of that kind: see metrics.ts`)
  return one
}

function oneLine(error: unknown): string {
  return String(error).replaceAll('\n', ' ')
}
