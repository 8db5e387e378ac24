declare module 'lz4js' {
  export function compress(content: Uint8Array): Uint8Array
}

declare module 'snappyjs' {
  export function compress(content: Uint8Array): Uint8Array
  /** Throws when the content is longer than `maxLength`. */
  export function uncompress(compressed: Uint8Array, maxLength?: number): Uint8Array
}
