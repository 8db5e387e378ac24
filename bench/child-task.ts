import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const loader = new URL('../bin/typescript.js', import.meta.url).href

/** Path of one of our files. */
export const ownPath = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** What Node needs to run one of our files as a program. */
export const programArgs = (file: string): string[] => ['--import', loader, ownPath(file)]

/** Runs one of our files in a process of its own, the task as JSON in its first argument; answers its first message. */
export async function runTask<Result>(file: string, task: object): Promise<Result> {
  const args = [...programArgs(file), JSON.stringify(task)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const heard = new AbortController()
  const { signal } = heard
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([message]) => message as Result),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`${file} ended with ${code}`)
      }),
    ])
  } finally {
    heard.abort()
  }
}
