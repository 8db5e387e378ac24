export interface Explanation {
  /** One line for the terminal. */
  readonly line: string
  /** Whether the fault is one that is foreseen, so that a stack would only be noise. */
  readonly known: boolean
}

/** What an error means to the person at the terminal, in one line that names the remedy where there is one. */
export function explain(error: unknown): Explanation {
  if (isOurs(error)) return { line: oneLine(error.message), known: true }
  const remedy = systemRemedy(error)
  if (remedy !== undefined) return { line: oneLine(remedy), known: true }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const hint = 'run it with MILLRACE_LOG=debug for the stack'
  return { line: `unexpected ${oneLine(message)} (${hint})`, known: false }
}

/**
 * Whether it is one of the project's own errors (`UserError`, `LogError`, `StoreError`, `ListenError`, …). Their
 * codes are words in lower case, `port_in_use`; Node's and the libraries' are not. A command would have to load
 * every part of Millrace to know the classes.
 */
function isOurs(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && /^[a-z][a-z_-]*$/.test(String(error.code))
}

/** Faults of the machine that a person can do something about. */
function systemRemedy(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  const address =
    'address' in error && 'port' in error ? `${error.address}:${error.port}` : 'the address'
  const path = 'path' in error ? String(error.path) : 'a file'
  switch (error.code) {
    case 'EADDRINUSE':
      return `${address} is in use: stop what listens there, or give another --port (0 takes any free one)`
    case 'EADDRNOTAVAIL':
      return `${address} is no address of this machine: give another --host`
    case 'ENOENT':
      return `${path} does not exist`
    case 'EISDIR':
      return `${path} is a folder; a file was expected`
    case 'ENOTDIR':
      return `${path} lies in something that is no folder`
    case 'EACCES':
    case 'EPERM':
      return 'port' in error
        ? `this user may not listen on ${address}: give a --port above 1023`
        : `this user may not use ${path}: change its owner, or give another --data`
    case 'ENOSPC':
      return `the disk is full${'path' in error ? ` (${path})` : ''}: make room and start again`
    case 'EROFS':
      return `${path} is on a read-only disk: give another --data`
    case 'EMFILE':
      return 'too many open files: raise the limit (ulimit -n) and start again'
    default:
      return undefined
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').trim()
}
