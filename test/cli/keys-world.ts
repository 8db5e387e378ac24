import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KeyFlags, OAuthFlags } from '../../cli/flags-keys.ts'
import { createLogger } from '../../cli/logger.ts'
import { createProgram } from '../../cli/program.ts'
import { type OpenProtection, openProtection } from '../../cli/protection.ts'
import { systemClock } from '../../runtime/clock.ts'
import { rejects } from '../harness.ts'

/** A folder with a file of keys, the commands that edit it, and servers that read it. */
export class KeysWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-keys-'))
  readonly keys = join(this.folder, 'keys.json')
  /** What commands and servers said to their logs. */
  logged = ''
  readonly #opened: OpenProtection[] = []
  readonly #logger = createLogger({
    level: 'info',
    human: false,
    write: text => {
      this.logged += text
    },
  })

  /** What `millrace keys …` prints. */
  async run(...args: string[]): Promise<string> {
    const lines: string[] = []
    const nothing = () => undefined
    const context = this.#context(lines)
    await createProgram(context, nothing, nothing).parseAsync(this.#whole(args))
    return lines.join('\n')
  }

  /** What it complains of. */
  async complaint(...args: string[]): Promise<string> {
    let told = ''
    const tell = (text: string) => {
      told += text
    }
    await rejects(() => createProgram(this.#context([]), tell, tell).parseAsync(this.#whole(args)))
    return told
  }

  /** What a server opens that is started with the file of keys, or with these flags. */
  async open(
    flags: Partial<KeyFlags & OAuthFlags> = { keys: this.keys },
    clock = systemClock,
  ): Promise<OpenProtection> {
    const all = { perAddress: 0, host: '127.0.0.1', data: this.folder, ...flags }
    const server = await openProtection({ flags: all, clock, logger: this.#logger })
    this.#opened.push(server)
    return server
  }

  close(): void {
    for (const each of this.#opened.splice(0)) each.close()
    rmSync(this.folder, { recursive: true })
  }

  #whole(args: string[]): string[] {
    const file = args[0] === 'rotate' ? [] : ['--keys', this.keys]
    return ['node', 'millrace', 'keys', ...args, ...file]
  }

  #context(lines: string[]) {
    const print = (line: string) => void lines.push(line)
    const signal = AbortSignal.timeout(20_000)
    return { signal, clock: systemClock, logger: this.#logger, print, logTo: () => undefined }
  }
}
