import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { type Picture, pictureSize } from '../content/pictures.ts'

const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const workerFile = fileURLToPath(new URL(`./picture-worker.${ending}`, import.meta.url))
const loader = new URL('../bin/typescript.js', import.meta.url).href

const BYTES_MAX = 64 << 20
const WAITING_MAX = 64

/** Paints pictures, each once for as long as it is remembered: of one content there is one picture. */
export class Painter {
  #pool: Piscina | undefined
  /** By their SVG, in order of their last use. */
  readonly #painted = new Map<string, Buffer>()
  readonly #underWay = new Map<string, Promise<Buffer>>()
  #bytes = 0

  /** PNG. Rejects where too many wait to be painted, or the thread died. */
  paint(picture: Picture): Promise<Buffer> {
    const painted = this.#painted.get(picture)
    if (painted !== undefined) {
      this.#painted.delete(picture)
      this.#painted.set(picture, painted)
      return Promise.resolve(painted)
    }
    const underWay = this.#underWay.get(picture)
    if (underWay !== undefined) return underWay
    const painting = this.#paint(picture).finally(() => this.#underWay.delete(picture))
    this.#underWay.set(picture, painting)
    return painting
  }

  async close(): Promise<void> {
    await this.#pool?.destroy()
  }

  async #paint(svg: Picture): Promise<Buffer> {
    this.#pool ??= new Piscina({
      filename: workerFile,
      minThreads: 1,
      maxThreads: 1,
      maxQueue: WAITING_MAX,
      execArgv: ending === 'ts' ? ['--import', loader] : [],
    })
    const png: Uint8Array = await this.#pool.run({ svg, scale: pictureSize.scale })
    const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength)
    this.#keep(svg, bytes)
    return bytes
  }

  #keep(svg: string, png: Buffer): void {
    this.#painted.set(svg, png)
    this.#bytes += bytesOf(svg, png)
    for (const [oldest, its] of this.#painted) {
      if (this.#bytes <= BYTES_MAX) break
      this.#painted.delete(oldest)
      this.#bytes -= bytesOf(oldest, its)
    }
  }
}

function bytesOf(svg: string, png: Buffer): number {
  return 2 * svg.length + png.length
}
