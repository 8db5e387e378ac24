import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** A certificate that signs itself, and its key: as much of X.509 as Node wants to see. */
export function selfSigned(
  from: Date,
  to: Date,
  privateKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
): { pem: string; privateKey: KeyObject } {
  const name = sequence(set(sequence(oid('550403'), der(0x0c, Buffer.from('sns.amazonaws.com')))))
  const algorithm = sequence(oid('2a864886f70d01010b'), der(0x05, Buffer.alloc(0)))
  const validity = sequence(time(from), time(to))
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const content = sequence(der(0x02, Buffer.from([1])), algorithm, name, validity, name, spki)
  const signature = sign('sha256', content, privateKey)
  const whole = sequence(
    content,
    algorithm,
    der(0x03, Buffer.concat([Buffer.from([0]), signature])),
  )
  const base64 = whole.toString('base64').replaceAll(/.{64}/g, '$&\n')
  return { pem: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`, privateKey }
}

const sequence = (...parts: Buffer[]) => der(0x30, Buffer.concat(parts))
const set = (...parts: Buffer[]) => der(0x31, Buffer.concat(parts))
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))

function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)
  return der(0x18, Buffer.from(`${digits}Z`))
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const head = length < 128 ? [tag, length] : [tag, 0x82, Math.floor(length / 256), length % 256]
  return Buffer.concat([Buffer.from(head), content])
}
