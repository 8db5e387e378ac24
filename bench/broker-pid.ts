import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const LISTENING = '0A'
const tables = ['/proc/net/tcp', '/proc/net/tcp6']

/**
 * The process on this machine that listens on the port of `host:port`; undefined for one elsewhere, or one that
 * /proc does not show us. Linux only (proc(5): local address, state and inode of each socket).
 */
export function processListeningOn(address: string): number | undefined {
  const [host = '', port = ''] = address.split(':')
  if (host !== '127.0.0.1' && host !== 'localhost') return undefined
  const suffix = `:${Number(port).toString(16).toUpperCase().padStart(4, '0')}`
  const inodes = tables.flatMap(sockets).flatMap(([, local = '', , state, , , , , , inode]) => {
    return local.endsWith(suffix) && state === LISTENING ? [`socket:[${inode}]`] : []
  })
  return processes().find(pid => openFiles(pid).some(file => inodes.includes(file)))
}

function sockets(path: string): string[][] {
  const [, ...lines] = readFileSync(path, 'latin1').trim().split('\n')
  return lines.map(line => line.trim().split(/\s+/))
}

function processes(): number[] {
  return readdirSync('/proc').filter(isNumber).map(Number)
}

function openFiles(pid: number): string[] {
  return orNothing(() => readdirSync(`/proc/${pid}/fd`)).flatMap(file =>
    orNothing(() => [readlinkSync(`/proc/${pid}/fd/${file}`)]),
  )
}

/** A process may be another's, or end while it is looked at. */
function orNothing(read: () => string[]): string[] {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return []
    throw error
  }
}

const isNumber = (name: string) => /^\d+$/.test(name)
