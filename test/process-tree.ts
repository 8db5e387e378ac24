import { spawnSync } from 'node:child_process'

/** Ends a process, its group where it leads one, and all of its descendants, also those in groups of their own. */
export function killTree(root: number): void {
  const doomed = [...descendants(root), root]
  kill(-root)
  for (const pid of doomed) kill(pid)
}

/** Process ids by their parent's, of all on this machine; empty where there is no `ps` (some small images). */
export function childrenByParent(): Map<number, number[]> {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  const children = new Map<number, number[]>()
  for (const line of (stdout ?? '').split('\n')) {
    const [pid = 0, parent = 0] = line.trim().split(/\s+/).map(Number)
    if (pid > 0) children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  return children
}

function descendants(root: number): number[] {
  const children = childrenByParent() // without `ps` the group has to do
  const found: number[] = []
  const queue = [...(children.get(root) ?? [])]
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    found.push(pid)
    queue.push(...(children.get(pid) ?? []))
  }
  return found
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === 'ESRCH'
    if (!gone) throw error
  }
}
