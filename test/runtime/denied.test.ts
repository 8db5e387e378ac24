import kafkajs from 'kafkajs'
import { systemClock } from '../../runtime/clock.ts'
import { denialsMax, kafkaFault, whileUnreachable } from '../../runtime/kafka-cluster.ts'
import { LogError } from '../../runtime/log.ts'
import { assert, suite } from '../harness.ts'

const test = suite('a broker that does not let us in')
const signal = new AbortController().signal
const statuses: string[] = []
const options = {
  brokers: '127.0.0.1:1',
  clock: { ...systemClock, sleep: async () => undefined },
  onStatus: ({ kind }: { kind: string }) => void statuses.push(kind),
}
// Its type knows no argument, and its constructor needs one.
const badLogin = (): Error =>
  Reflect.construct(kafkajs.KafkaJSSASLAuthenticationError, ['SASL PLAIN: no'])
const badCertificate = (code: string) =>
  Object.assign(new kafkajs.KafkaJSConnectionError('tls', { broker: 'b:1' }), { code })

test('a login or a certificate that is refused again and again is final, with its remedy', async () => {
  const remedies: [Error, RegExp][] = [
    [badLogin(), /refused the login .*--sasl-user/],
    [badCertificate('SELF_SIGNED_CERT_IN_CHAIN'), /b:1 is not trusted .*--tls-ca/],
    [badCertificate('ERR_TLS_CERT_ALTNAME_INVALID'), /another name .*--brokers/],
    [badCertificate('CERT_HAS_EXPIRED'), /not valid now .*clock/],
    [badCertificate('ERR_SSL_WRONG_VERSION_NUMBER'), /does that port speak TLS/],
    [
      new kafkajs.KafkaJSNumberOfRetriesExceeded(badLogin(), { retryCount: 3, retryTime: 1 }),
      /refused the login/,
    ],
  ]
  for (const [error, remedy] of remedies) {
    let asked = 0
    const found = await whileUnreachable(options, signal, async () => {
      asked++
      throw error
    }).catch((reason: unknown) => reason)
    assert.instance(found, LogError)
    assert.is(found instanceof LogError && found.code, 'refused')
    assert.match(String(found), remedy)
    assert.is(asked, denialsMax)
  }
  assert.equal(statuses, [], 'it is there: nobody is told that it is away')
})

test('a login that breaks off once, as the broker goes, is asked for again', async () => {
  const faults = [badLogin(), badLogin(), badCertificate('ECONNREFUSED'), badLogin(), badLogin()]
  const answer = await whileUnreachable(options, signal, async () => {
    const fault = faults.shift()
    if (fault) throw fault
    return 'in'
  })
  assert.is(answer, 'in')
})

test('a broker that is away is no denial', () => {
  assert.is(kafkaFault(badCertificate('ECONNREFUSED')).code, 'connection')
  assert.is(kafkaFault(new kafkajs.KafkaJSConnectionError('Closed', {})).code, 'connection')
})

test.run()
