import type { HrTime } from '@opentelemetry/api'
import type { tracing } from '@opentelemetry/sdk-node'
import type { Span } from './event-traces.ts'

/** Sends spans on, some seconds later; what a collector that is away would make pile up is dropped. */
export interface TraceExport {
  send(spans: readonly Span[]): void
  /** Sends what is left, for two seconds at most. */
  close(): Promise<void>
}

const sendMsMax = 2_000
const waitingMax = 2_048

/**
 * Sends spans to an OTLP collector over HTTP (JSON). The SDK is loaded here, since most processes do without.
 * OTEL_EXPORTER_OTLP_HEADERS and OTEL_RESOURCE_ATTRIBUTES are honoured.
 *
 * @param options.url the whole URL, such as `http://127.0.0.1:4318/v1/traces`
 */
export async function openTraceExport(options: {
  service: string
  url: string
}): Promise<TraceExport> {
  const [api, { tracing, resources }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ])
  const processor = new tracing.BatchSpanProcessor(
    new OTLPTraceExporter({ url: options.url, timeoutMillis: sendMsMax }),
    { maxQueueSize: waitingMax, scheduledDelayMillis: 1_000, exportTimeoutMillis: sendMsMax },
  )
  const named = resources.resourceFromAttributes({ 'service.name': options.service })
  const detected = resources.detectResources({ detectors: [resources.envDetector] })
  const resource = named.merge(detected)

  const readable = (span: Span): tracing.ReadableSpan => {
    const { name, traceId, spanId, parentId, startMs, endMs, attributes } = span
    const context = (id: string) => ({
      ...{ traceId, spanId: id, traceFlags: api.TraceFlags.SAMPLED },
    })
    return {
      ...{ name: `millrace ${name}`, attributes, resource, ended: true },
      kind: name === 'event' ? api.SpanKind.CONSUMER : api.SpanKind.INTERNAL,
      spanContext: () => context(spanId),
      ...(parentId !== undefined && {
        parentSpanContext: { ...context(parentId), isRemote: name === 'event' },
      }),
      startTime: hrTime(startMs),
      endTime: hrTime(endMs),
      duration: hrTime(endMs - startMs),
      status: { code: api.SpanStatusCode.UNSET },
      instrumentationScope: { name: 'millrace' },
      ...{ links: [], events: [] },
      ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
    }
  }

  return {
    send(spans) {
      for (const span of spans) processor.onEnd(readable(span))
    },
    close: () => processor.shutdown(),
  }
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000)
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)]
}
