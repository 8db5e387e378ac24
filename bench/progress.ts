import cliProgress from 'cli-progress'

/** How far a benchmark is, on standard error where a person sees it, and nowhere else. */
export interface Progress {
  /** What is done now, of which the bar knows no share. */
  doing(what: string): void
  /** The next of the total begins. */
  next(what: string): void
  /** A line for standard output, above the bar. */
  say(line: string): void
  end(): void
}

const silent = { doing: () => undefined, next: () => undefined, end: () => undefined }

export function openProgress(what: string, total: number): Progress {
  if (!process.stderr.isTTY) return { ...silent, say: line => console.log(line) }
  const format = `${what} {bar} {percentage} % {doing}`
  const bars = new cliProgress.MultiBar(
    { format, hideCursor: true, clearOnComplete: true, stream: process.stderr },
    cliProgress.Presets.shades_classic,
  )
  const bar = bars.create(total, 0, { doing: '' })
  let begun = 0
  return {
    doing: what => bar.update({ doing: what }),
    next: what => bar.update(begun++, { doing: what }),
    say(line) {
      if (process.stdout.isTTY) bars.log(`${line}\n`)
      else console.log(line)
    },
    end: () => bars.stop(),
  }
}
