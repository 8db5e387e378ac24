import { memoryStore } from '../../state/memory-store.ts'
import { type Store, StoreError } from '../../state/store.ts'
import { checkStore } from './check-store.ts'
import type { SimCluster } from './sim-cluster.ts'
import type { SimProcess } from './sim-process.ts'

interface Folder {
  store: Store
  owner: SimProcess | undefined
}

/**
 * One machine's disk: it outlives the processes that write to it. A write is whole or not there; one folder is
 * open once at a time, and a killed process has let go of all of its folders, as with LevelDB.
 */
export class SimDisk {
  private readonly cluster: SimCluster
  private readonly changelog: string
  private readonly folders = new Map<string, Folder>()
  /** The member file: who the last process here was in its group. */
  memberId: string | undefined

  /** `changelog`: the topic that the folders `0`, `1`, … are to agree with. */
  constructor(cluster: SimCluster, changelog: string) {
    this.cluster = cluster
    this.changelog = changelog
  }

  /** Rejects with `locked` while another store of this folder is open. */
  open(process: SimProcess, name: string): Promise<Store> {
    return this.cluster.network.call({
      process,
      point: 'store.open',
      subject: name,
      effect: () => this.opened(process, name),
    })
  }

  /** The names of the folders, whoever has them open. */
  names(): string[] {
    return [...this.folders.keys()]
  }

  /** Throws everything away, as a new machine would have it. No process may have a folder open. */
  wipe(): void {
    this.folders.clear()
    this.memberId = undefined
  }

  private opened(process: SimProcess, name: string): Store {
    const folder = this.folders.get(name) ?? { store: memoryStore(), owner: undefined }
    if (folder.owner && !folder.owner.killed) {
      const told = `${process.name} opens ${name}, which ${folder.owner.name} has open`
      this.cluster.violations.push(told)
      throw new StoreError('locked', told)
    }
    this.folders.set(name, folder)
    folder.owner = process
    return this.handle(process, name, folder)
  }

  private handle(process: SimProcess, name: string, folder: Folder): Store {
    const { store } = folder
    const call = (effect: () => Promise<void>) =>
      this.cluster.network.call({
        process,
        point: 'store.write',
        subject: name,
        // Unlike a request, nothing of a dead process reaches the disk.
        effect: async () => {
          if (process.killed) return
          await effect()
          const { changelog, cluster } = this
          for (const problem of await checkStore(store, cluster.partition(changelog, Number(name))))
            cluster.violations.push(`store ${name} of ${process.name}: ${problem}`)
        },
      })
    let closed = false
    let writing = false
    const check = (what: string) => {
      if (!closed && !writing) return
      const told = `${process.name} ${what} ${name} ${closed ? 'after its close' : 'during a write'}`
      this.cluster.violations.push(told)
      throw new StoreError('failed', told)
    }
    const letGo = () => {
      closed = true
      if (folder.owner === process) folder.owner = undefined
    }
    const ifOpen = <T>(read: () => T): T => {
      if (closed) check('reads')
      return read()
    }

    return {
      get: key => ifOpen(() => store.get(key)),
      get progress() {
        return store.progress
      },
      timers: (cursor, upTo, limit) => ifOpen(() => store.timers(cursor, upTo, limit)),
      loadTimers: cursor => ifOpen(() => store.loadTimers(cursor)),
      entries: () => ifOpen(() => store.entries()),
      sizeBytes: () => ifOpen(() => store.sizeBytes()),

      async write(slice) {
        check('writes')
        writing = true
        const states = slice.states.map(
          ([key, bytes]) => [key, bytes && Uint8Array.from(bytes)] as const,
        )
        try {
          await call(() => store.write({ ...slice, states }))
        } finally {
          writing = false
        }
      },

      async close() {
        if (closed) return
        check('closes')
        letGo()
      },

      async destroy() {
        if (!closed) check('destroys')
        folder.store = memoryStore()
        letGo()
      },
    }
  }
}
