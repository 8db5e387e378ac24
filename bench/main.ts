import { broker, brokerHelp } from './broker.ts'
import { collect, collectHelp } from './collect.ts'
import { decode, decodeHelp } from './decode.ts'
import { freshness, freshnessHelp } from './freshness.ts'
import { growth, growthHelp } from './growth.ts'
import { jobCost, jobCostHelp } from './job-cost.ts'
import { lanes, lanesHelp } from './lanes.ts'
import { latency, latencyHelp } from './latency.ts'
import { memory, memoryHelp } from './memory.ts'
import { nexmark, nexmarkHelp } from './nexmark.ts'
import { peers, peersHelp } from './peers.ts'
import { pipeline, pipelineHelp } from './pipeline.ts'
import { recovery, recoveryHelp } from './recovery.ts'
import { scale, scaleHelp } from './scale.ts'
import { serve, serveHelp } from './serve.ts'
import { store, storeHelp } from './store.ts'
import { throughput, throughputHelp } from './throughput.ts'

/** `npm run bench -- NAME [flags]` */
const benchmarks = {
  throughput: { run: throughput, help: throughputHelp },
  peers: { run: peers, help: peersHelp },
  latency: { run: latency, help: latencyHelp },
  recovery: { run: recovery, help: recoveryHelp },
  pipeline: { run: pipeline, help: pipelineHelp },
  decode: { run: decode, help: decodeHelp },
  lanes: { run: lanes, help: lanesHelp },
  growth: { run: growth, help: growthHelp },
  store: { run: store, help: storeHelp },
  scale: { run: scale, help: scaleHelp },
  job: { run: jobCost, help: jobCostHelp },
  broker: { run: broker, help: brokerHelp },
  nexmark: { run: nexmark, help: nexmarkHelp },
  memory: { run: memory, help: memoryHelp },
  collect: { run: collect, help: collectHelp },
  serve: { run: serve, help: serveHelp },
  freshness: { run: freshness, help: freshnessHelp },
}

const usage = `npm run bench -- NAME [flags]; NAME is ${Object.keys(benchmarks).join(' or ')}; NAME --help says more`

async function main([name = '', ...flags]: readonly string[]): Promise<number> {
  if (!isBenchmark(name)) {
    console.error(usage)
    return name === '--help' ? 0 : 2
  }
  const { run, help } = benchmarks[name]
  if (flags.includes('--help')) {
    console.log(help)
    return 0
  }
  try {
    await run(flags)
    return 0
  } catch (error) {
    console.error(`bench ${name}: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
}

function isBenchmark(name: string): name is keyof typeof benchmarks {
  return Object.hasOwn(benchmarks, name)
}

process.exitCode = await main(process.argv.slice(2))
