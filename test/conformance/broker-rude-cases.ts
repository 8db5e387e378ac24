import { once } from 'node:events'
import { connect } from 'node:net'
import { Writer } from '../../protocol/writer.ts'
import { assert, type Suite } from '../harness.ts'
import { BrokerCase, type BrokerWorld } from './broker-world.ts'
import { batchOf, pause } from './wire.ts'

const INT_MAX = 0x7fffffff
const METADATA = 3

/** What clients send that is no request, and how their connections end. */
const rude: Readonly<Record<string, Buffer>> = {
  'something else than Kafka': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  'a length of 2 GB': new Writer().int32(INT_MAX).int32(1).finish(),
  'a length below nothing': new Writer().int32(-5).finish(),
  'a request that nobody knows': framed(new Writer().int16(999).int16(0).int32(1).string('x')),
  'a version that nobody knows': framed(
    new Writer().int16(METADATA).int16(999).int32(1).string('x'),
  ),
  'two billion elements that are not there': framed(
    new Writer().int16(METADATA).int16(1).int32(1).string('x').int32(2_000_000_000),
  ),
  'a request that is cut off': framed(new Writer().int16(METADATA)),
}

export function brokerRudeCases(test: Suite, world: () => BrokerWorld): void {
  for (const [what, bytes] of Object.entries(rude)) {
    test(`who sends ${what} is cut off, and nobody else notices`, () =>
      BrokerCase.run(world(), async ({ wire, topic }) => {
        const [host, port] = world().address.split(':')
        const socket = connect(Number(port), host)
        socket.on('error', () => 'it is about to close')
        await once(socket, 'connect')
        const closed = once(socket, 'close')
        socket.write(bytes)
        socket.resume()
        const late = pause(10_000).then(() => 'it is still open')
        assert.is(await Promise.race([closed.then(() => 'closed'), late]), 'closed')
        assert.is((await wire.produce(topic, batchOf(['undisturbed']))).error, 'NONE')
        assert.equal(await wire.seen(topic), ['0:undisturbed'])
      }))
  }
}

function framed(request: Writer): Buffer {
  return new Writer().bytes(request.finish()).finish()
}
