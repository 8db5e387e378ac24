import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Clock } from '../runtime/clock.ts'
import { type KafkaOptions, openKafkaLog } from '../runtime/kafka-log.ts'
import type { Log, LogStatus } from '../runtime/log.ts'
import type { BrokerFlags } from './flags.ts'
import type { Logger } from './logger.ts'
import { UserError } from './user-error.ts'

/** While no broker answers, this is said again no more often than so, ms. */
const REMIND_MS = 30_000

/** The log on the brokers that the flags name. It waits for a broker that is away, and tells `logger` of it. */
export function openLog(flags: BrokerFlags, clientId: string, clock: Clock, logger: Logger): Log {
  return openKafkaLog(kafkaOptions(flags, clientId, clock, logger))
}

/** Reads the files that the flags name. Throws a `UserError` where the flags do not fit together. */
export function kafkaOptions(
  flags: BrokerFlags,
  clientId: string,
  clock: Clock,
  logger: Logger,
): KafkaOptions {
  const sasl = saslOptions(flags)
  const ssl = flags.tlsCa !== undefined ? { ca: [readAuthorities(flags.tlsCa)] } : flags.tls
  return {
    brokers: flags.brokers,
    clientId,
    clock,
    onStatus: tellStatus(clock, logger),
    ...(ssl !== false && { ssl }),
    ...(sasl !== undefined && { sasl }),
  }
}

function readAuthorities(file: string): string {
  const pem = readFileSync(file, 'utf8')
  try {
    new X509Certificate(pem) // the first of them; else Node would pass over what it cannot read
    return pem
  } catch (error) {
    throw new UserError(
      'bad_tls_ca',
      `--tls-ca ${file} holds no certificate: expected PEM, "-----BEGIN CERTIFICATE-----"`,
      error,
    )
  }
}

function saslOptions(flags: BrokerFlags): KafkaOptions['sasl'] {
  if (flags.sasl === undefined) return undefined
  const username = flags.saslUser
  const file = flags.saslSecretFile
  const password =
    file === undefined ? process.env.MILLRACE_SASL_SECRET : readFileSync(file, 'utf8').trimEnd()
  if (username === undefined || password === undefined || password === '') {
    const missing =
      username === undefined ? '--sasl-user' : 'MILLRACE_SASL_SECRET or --sasl-secret-file'
    throw new UserError(
      'sasl_incomplete',
      `--sasl ${flags.sasl} needs a user and a secret: give ${missing} too`,
    )
  }
  if (flags.sasl === 'plain') return { mechanism: 'plain', username, password }
  return {
    mechanism: flags.sasl === 'scram-256' ? 'scram-sha-256' : 'scram-sha-512',
    username,
    password,
  }
}

/** Says when the brokers go and when they are back; several connections notice both, and it is said once. */
export function tellStatus(clock: Clock, logger: Logger): (status: LogStatus) => void {
  let away = false
  let toldAt = Number.NEGATIVE_INFINITY
  return status => {
    if (status.kind === 'reachable') {
      if (away)
        logger.info(
          { brokers: status.brokers, downMs: Math.round(status.downMs) },
          'the broker is back',
        )
      away = false
      toldAt = Number.NEGATIVE_INFINITY
      return
    }
    away = true
    if (clock.elapsed() - toldAt < REMIND_MS) return
    toldAt = clock.elapsed()
    const { brokers, reason } = status
    logger.warn(
      { brokers, reason },
      'no broker answers: is it running, and do --brokers, --tls and --sasl fit it? Trying until it does',
    )
  }
}
