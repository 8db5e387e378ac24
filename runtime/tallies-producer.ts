import type { HrTime } from '@opentelemetry/api'
import type { MetricData, MetricProducer, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { CounterTally, HistogramTally } from './tallies.ts'

export interface TalliesOptions {
  readonly api: typeof import('@opentelemetry/api')
  readonly sdk: typeof import('@opentelemetry/sdk-metrics')
  readonly resource: ResourceMetrics['resource']
  readonly counters: readonly CounterTally[]
  readonly histograms: readonly HistogramTally[]
}

/** Nobody reads them: a scrape in Prometheus' format leaves the times to Prometheus. */
const noTimes: { readonly startTime: HrTime; readonly endTime: HrTime } = {
  startTime: [0, 0],
  endTime: [0, 0],
}

/** Gives a reader of OpenTelemetry's SDK what was tallied since the process started. */
export function talliesProducer(options: TalliesOptions): MetricProducer {
  const { api, sdk, resource, counters, histograms } = options
  const common = ({ name, metric: { unit, description } }: CounterTally | HistogramTally) => ({
    descriptor: { name, unit, description, valueType: api.ValueType.DOUBLE },
    aggregationTemporality: sdk.AggregationTemporality.CUMULATIVE,
  })
  const sums = (): MetricData[] =>
    counters.map(counter => ({
      ...common(counter),
      dataPointType: sdk.DataPointType.SUM,
      isMonotonic: true,
      dataPoints: counter.all.map(({ labels, value }) => ({
        ...noTimes,
        attributes: labels,
        value: value.total,
      })),
    }))
  const spreads = (): MetricData[] =>
    histograms.map(histogram => ({
      ...common(histogram),
      dataPointType: sdk.DataPointType.HISTOGRAM,
      dataPoints: histogram.all.map(({ labels, value: { counts, sum, count } }) => ({
        ...noTimes,
        attributes: labels,
        value: { buckets: { boundaries: [...histogram.boundaries], counts }, sum, count },
      })),
    }))
  return {
    async collect() {
      const all = [...sums(), ...spreads()].filter(({ dataPoints }) => dataPoints.length > 0)
      const scopeMetrics = [{ scope: { name: 'millrace' }, metrics: all }]
      return { resourceMetrics: { resource, scopeMetrics }, errors: [] }
    },
  }
}
