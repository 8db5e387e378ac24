import { defineJob } from '../../jobs/define-job.ts'
import type { Feature } from '../../jobs/feature.ts'
import { testJob } from '../../runtime/test-job.ts'

export const to = 'things'
export const start = Date.UTC(2026, 0, 1)
export const viewed = { event: 'Product Viewed' } as const
export const seen = { of: 'Product Viewed', value: 'product_id', within: '30m', to } as const
export const bought = { of: 'Order Completed', value: 'product_id', list: 'products', to } as const

export const jobOf = (feature: Feature) =>
  defineJob({ name: 'any', input: 'events', features: { feature } })
/** A job of that feature alone, what it has sent so far as `key properties`, and a view of a product. */
export const driven = (feature: Feature) => {
  const t = testJob(jobOf(feature))
  const sent = () => t.rekeyed().map(({ key, event }) => [key, propertiesOf(event)].join(' '))
  const view = (product: string, more = {}) =>
    t.send({ ...viewed, properties: { product_id: product }, ...more })
  return { t, sent, view }
}
const propertiesOf = ({ properties }: Readonly<Record<string, unknown>>) =>
  Object.values(properties as object).join()
