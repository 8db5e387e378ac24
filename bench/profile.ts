import { type Profiler, Session } from 'node:inspector/promises'

/** A part of the program, and its share (0 to 1) of the time that the thread was at work. */
export interface Share {
  readonly part: string
  readonly share: number
}

/** Runs the work under V8's sampling profiler; answers the parts by their own time, those they call not in it. */
export async function profiled(work: () => void): Promise<Share[]> {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: 500 })
    await session.post('Profiler.start')
    work()
    const { profile } = await session.post('Profiler.stop')
    return shares(profile)
  } finally {
    session.disconnect()
  }
}

function shares({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Share[] {
  const byId = new Map(nodes.map(node => [node.id, node]))
  const caller = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map(child => [child, id])),
  )
  const partOf = new Map(nodes.map(({ id }) => [id, part(stack(id))]))
  function stack(id: number | undefined): Frame[] {
    const node = id === undefined ? undefined : byId.get(id)
    return node === undefined ? [] : [node.callFrame, ...stack(caller.get(node.id))]
  }
  const times = new Map<string, number>()
  let sum = 0
  for (const [at, id] of samples.entries()) {
    const name = partOf.get(id)
    if (name === undefined) continue
    const time = timeDeltas[at] ?? 0
    times.set(name, (times.get(name) ?? 0) + time)
    sum += time
  }
  return Array.from(times, ([name, time]) => ({ part: name, share: time / sum })).sort(
    (one, other) => other.share - one.share,
  )
}

type Frame = Profiler.Profile['nodes'][number]['callFrame']

/**
 * The innermost file of ours or package, which answers for what it calls of V8 and Node. Undefined for waiting, and for
 * making what is measured, which the benchmark's own generators do.
 */
function part(stack: readonly Frame[]): string | undefined {
  if (stack[0]?.functionName === '(garbage collector)') return 'garbage collector'
  const files = stack.filter(({ url }) => url.startsWith('file:'))
  if (files.some(({ url, functionName }) => url.includes('/bench/') && functionName === 'encode'))
    return undefined
  const [{ url } = { url: '' }] = files
  const name =
    /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? url.split('/').slice(-2).join('/')
  return name === '' || name.startsWith('bench/') ? undefined : name
}
