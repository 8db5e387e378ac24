import { median } from './run-result.ts'

/** A fixed piece of work that no change of ours can make faster: it tells how fast the machine is just now. */
const text = JSON.stringify({
  messageId: '00000001-0000000001',
  type: 'track',
  event: 'Product Viewed',
  userId: 'user-12345',
  timestamp: '2026-03-02T00:00:00.250Z',
  properties: { product_id: 'sku-1234', category: 'garden', price: 12.34, quantity: 2 },
  context: { page: { path: '/p/1234' } },
})
const steps = 60_000
const words = 2 ** 18

/** Thousands of steps in one second of one core; the median of five. It takes about half a second. */
export function yardstick(): number {
  return median(Array.from({ length: 5 }, once))
}

function once(): number {
  const cells = new Int32Array(words)
  const before = process.cpuUsage()
  let mixed = 1
  let seen = 0
  for (let step = 0; step < steps; step++) {
    for (let turn = 0; turn < 32; turn++) {
      mixed ^= mixed << 13
      mixed ^= mixed >>> 17
      mixed ^= mixed << 5
      const at = mixed & (words - 1)
      cells[at] = (cells[at] ?? 0) + mixed
    }
    if ((step & 1) === 0) seen += (JSON.parse(text) as { userId: string }).userId.length
  }
  const { user, system } = process.cpuUsage(before)
  if (seen === 0) throw new Error('the yardstick did nothing')
  return steps / 1_000 / ((user + system) / 1e6)
}
