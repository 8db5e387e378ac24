import { setFlagsFromString } from 'node:v8'

/**
 * Lets V8's old generation grow to four times of what lives in it before it is collected, which is as far as V8 itself
 * ever lets it. Left alone it takes a half to twice for a small heap that it could grow for free: a collection every
 * two or three seconds under load, each of which slows requests for a tenth of a second. For the whole process.
 */
export function collectSeldom(): void {
  setFlagsFromString('--heap-growing-percent=300')
}
