import { access } from 'node:fs/promises'
import type { Command } from 'commander'
import { type CommandContext, stopped } from './context.ts'
import type { Snapshot } from './display.ts'
import {
  addDataFlags,
  addListenFlags,
  type DataFlags,
  flag,
  type ListenFlags,
  parsePort,
  wholeNumber,
} from './flags.ts'

interface StartFlags extends ListenFlags, DataFlags {
  readonly job: string
  readonly input?: string
  readonly rate: number
  readonly fresh: boolean
  readonly brokerPort: number
  readonly jobPort: number
  readonly collectPort: number
}

const SHOW_EVERY_MS = 500
const RATES_MAX = 60
/** More records behind than this, and it is catching up rather than live. */
const LAG_LIVE_MAX = 2_000

/** `millrace start`: everything on one machine, with a made-up shop to watch. */
export function registerStart(program: Command, context: CommandContext): void {
  const command = program
    .command('start')
    .description(
      'run everything on this machine, fed by a made-up shop or a file, and show it live',
    )
    .addOption(
      flag(
        '--input <file>',
        'feed the events of this file, one JSON object a line, instead of the shop',
      ),
    )
    .addOption(
      flag('--rate <events>', "the shop's events per second")
        .default(300)
        .argParser(wholeNumber(1, 20_000)),
    )
    .addOption(flag('--fresh', 'forget what earlier starts have kept').default(false))
    .addOption(flag('--job <job>', 'name of a file in jobs/, or a path to one').default('email'))
  addListenFlags(command, 8080)
    .addOption(
      flag('--job-port <port>', "port for the job's /health, /ready and /metrics")
        .default(8082)
        .argParser(parsePort),
    )
    .addOption(
      flag('--collect-port <port>', 'port of the door for events')
        .default(8081)
        .argParser(parsePort),
    )
    .addOption(
      flag('--broker-port <port>', 'port of the embedded broker')
        .default(9092)
        .argParser(parsePort),
    )
  addDataFlags(command).action((flags: StartFlags) => startCommand(flags, context))
}

async function startCommand(flags: StartFlags, context: CommandContext): Promise<void> {
  const { clock, signal } = context
  const startedAt = clock.elapsed()
  if (flags.input !== undefined) await access(flags.input)
  const [{ openScreen }, { watchTelemetry }, { forget, rememberFeed, startFolder }] =
    await Promise.all([
      import('./screen.ts'),
      import('./live-figures.ts'),
      import('./start-folder.ts'),
    ])
  const screen = openScreen(process.stdout, !process.env.NO_COLOR)
  context.logTo(screen.write)
  const links: { label: string; text: string }[] = []
  const rates: number[] = []
  let phase = 'starting'
  let figures: Partial<Snapshot> = {}
  const show = () => {
    const known = {
      eventsPerSecond: undefined,
      users: undefined,
      latencyMs: undefined,
      lagRecords: undefined,
      ...figures,
    }
    screen.show({ phase, uptimeMs: clock.elapsed() - startedAt, links, rates, ...known })
  }
  const setPhase = (next: string) => {
    phase = next
    show()
  }
  setPhase('starting')

  const fault = new AbortController()
  const ended = AbortSignal.any([signal, fault.signal])
  let stopShowing = () => undefined as unknown
  try {
    const [{ findJobModule }, { startEverything }, { openTelemetry }] = await Promise.all([
      import('./job-module.ts'),
      import('./start.ts'),
      import('../runtime/telemetry.ts'),
    ])
    const jobUrl = await findJobModule(flags.job, process.cwd())
    const folder = startFolder(flags.data, flags.instance, flags.job.replaceAll(/\W+/g, '-'))
    if (flags.fresh) await forget(folder)
    await rememberFeed(folder, flags.input)
    const watch = watchTelemetry(await openTelemetry({ service: 'millrace-start' }), clock)
    const started = await startEverything({
      ...{ jobUrl, folder, host: flags.host, file: flags.input, eventsPerSecond: flags.rate },
      ...{ data: flags.data, clock },
      ports: {
        ...{ broker: flags.brokerPort, job: flags.jobPort },
        ...{ collect: flags.collectPort, serve: flags.port },
      },
      ...{ logger: quiet(context), telemetry: watch.telemetry, signal: ended, onPhase: setPhase },
      onTell: line => screen.write(`${line}\n`),
      onLink: (label, text) => void links.push({ label, text }),
      onFatal: error => fault.abort(error),
    })
    stopShowing = clock.every(SHOW_EVERY_MS, () => {
      const present = watch.figures()
      figures = present
      rates.push(present.eventsPerSecond ?? 0)
      if (rates.length > RATES_MAX) rates.shift()
      const behind = started.notReady().length > 0 || (present.lagRecords ?? 0) > LAG_LIVE_MAX
      setPhase(behind ? 'catching up' : 'live')
    })
    await stopped(ended)
    stopShowing()
    setPhase('stopping')
    await started.stop()
    await watch.telemetry.close()
    setPhase('stopped')
  } catch (error) {
    // Stopped by the person while it was starting: that is no fault.
    if (!signal.aborted) throw error
  } finally {
    stopShowing()
    screen.close()
  }
  fault.signal.throwIfAborted()
}

/** The display tells how it is; above it stands only what needs a person, unless more was asked for. */
function quiet({ logger }: CommandContext): CommandContext['logger'] {
  return process.env.MILLRACE_LOG === undefined ? logger.child({}, { level: 'warn' }) : logger
}
