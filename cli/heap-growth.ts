import { setFlagsFromString } from 'node:v8'

/**
 * For the whole process, before it has work: lets V8 collect the whole heap as seldom as it can, each time of which
 * slows requests for a twentieth to a tenth of a second.
 *
 * - The old generation may grow to four times of what lives in it, which is as far as V8 itself ever lets it. Left
 *   alone it takes a half to twice for a small heap that it could grow for free: a collection every two or three
 *   seconds under load.
 * - Nothing is made in the old generation because others from the same place in the code lived long. In a burst
 *   requests wait, so that V8 takes all that they are made of for long-lived, from then on; each body of 36 KB that such
 *   an object holds is garbage that only a collection of the whole heap finds.
 */
export function collectSeldom(): void {
  setFlagsFromString('--heap-growing-percent=300')
  setFlagsFromString('--no-allocation-site-pretenuring')
}
