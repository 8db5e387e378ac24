import type { ReplayedEvent } from '../../cli/replay.ts'
import { type RetailLine, retailLines } from './lines.ts'

/** The events of a retail CSV, one per line in file order, as `replay` takes them. */
export async function* retailEvents(path: string): AsyncGenerator<ReplayedEvent> {
  for await (const line of retailLines(path)) yield retailEvent(line)
}

/**
 * One line as an event. Its message id is its line number, so equal lines are different events. A line
 * without a customer has no user id and no key; a job dead-letters it.
 */
export function retailEvent(line: RetailLine): ReplayedEvent {
  const customer = line.customer.replace(/\.0$/, '')
  const value = JSON.stringify({
    messageId: String(line.line),
    type: 'track',
    event: eventName(line.invoice),
    userId: customer === '' ? undefined : customer,
    timestamp: `${line.date.replace(' ', 'T')}Z`,
    properties: {
      invoice: line.invoice,
      product: line.product,
      description: line.description,
      quantity: line.quantity,
      price: line.price,
      country: line.country,
    },
  })
  return { key: customer === '' ? null : customer, value }
}

function eventName(invoice: string): string {
  if (invoice.startsWith('C')) return 'Order Refunded'
  if (invoice.startsWith('A')) return 'Adjustment'
  return 'Order Completed'
}
