import { type Command, InvalidArgumentError, Option } from 'commander'

export interface ListenFlags {
  readonly host: string
  readonly port: number
}

export interface DataFlags {
  readonly data: string
  readonly instance: string
}

export interface BrokerFlags {
  readonly brokers: string
  readonly tls: boolean
  readonly tlsCa?: string
  readonly sasl?: 'plain' | 'scram-256' | 'scram-512'
  readonly saslUser?: string
  readonly saslSecretFile?: string
}

/** A flag that an environment variable can stand for: its name in capitals after `MILLRACE_`, but `BROKERS`. */
export function flag(flags: string, description: string): Option {
  const option = new Option(flags, description)
  const name = option.name().replaceAll('-', '_').toUpperCase()
  return option.env(name === 'BROKERS' ? name : `MILLRACE_${name}`)
}

/** Where a process of ours is asked, instead of where it listens. */
export function addServerFlags(command: Command, port: number): Command {
  return command
    .addOption(flag('--host <address>', 'address that it listens on').default('127.0.0.1'))
    .addOption(flag('--port <port>', 'port that it listens on').default(port).argParser(parsePort))
}

export function addListenFlags(command: Command, port: number): Command {
  return command
    .addOption(flag('--host <address>', 'address to listen on').default('127.0.0.1'))
    .addOption(
      flag('--port <port>', 'port to listen on, 0 for any free one')
        .default(port)
        .argParser(parsePort),
    )
}

export function addDataFlags(command: Command): Command {
  return command
    .addOption(
      flag('--data <folder>', 'folder for what is kept on this machine').default('.millrace'),
    )
    .addOption(
      flag('--instance <name>', 'tells several processes of one kind on one machine apart')
        .default('1')
        .argParser(parseInstance),
    )
}

export function addBrokerFlags(command: Command): Command {
  return command
    .addOption(
      flag('--brokers <addresses>', 'brokers to begin with, host:port separated by commas')
        .default('127.0.0.1:9092')
        .argParser(parseBrokers),
    )
    .addOption(
      flag('--tls', 'speak TLS to the brokers, trusting the usual authorities').default(false),
    )
    .addOption(
      flag(
        '--tls-ca <file>',
        'speak TLS to the brokers, trusting the authorities in this PEM file',
      ),
    )
    .addOption(
      flag(
        '--sasl <mechanism>',
        'log in to the brokers; the secret comes from MILLRACE_SASL_SECRET or a file',
      ).choices(['plain', 'scram-256', 'scram-512']),
    )
    .addOption(flag('--sasl-user <name>', 'user to log in as'))
    .addOption(flag('--sasl-secret-file <file>', 'file that holds the secret'))
}

/** How topics are made, where a command makes some. */
export function addTopicFlags(command: Command): Command {
  return command
    .addOption(
      flag('--partitions <n>', 'partitions of topics that are made')
        .default(4)
        .argParser(wholeNumber(1, 10_000)),
    )
    .addOption(
      flag('--replication <n>', 'replicas of topics that are made')
        .default(1)
        .argParser(wholeNumber(1, 9)),
    )
}

export function parsePort(text: string): number {
  return parseWhole(text, 0, 65_535, 'a port')
}

/** A parser of whole numbers within bounds, for `argParser`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => parseWhole(text, least, most, 'a whole number')
}

function parseWhole(text: string, least: number, most: number, what: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new InvalidArgumentError(`Give ${what} from ${least} to ${most}.`)
}

/** The whole URL of an OTLP collector's traces; with a host alone, the path that the specification names. */
export function parseCollector(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError('Give a URL, such as http://127.0.0.1:4318.')
  if (url.pathname === '/') url.pathname = '/v1/traces'
  return url.href
}

/** An address of HTTP, without query and fragment. */
export function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && !url.search && !url.hash)
    return url.href
  throw new InvalidArgumentError('Give a URL, such as https://events.shop.example.')
}

function parseBrokers(text: string): string {
  const addresses = text.split(',').map(address => address.trim())
  const wrong = addresses.find(address => !/^(\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}$/.test(address))
  if (wrong === undefined) return addresses.join(',')
  throw new InvalidArgumentError(`Give host:port, separated by commas; "${wrong}" is none.`)
}

function parseInstance(text: string): string {
  if (/^[\w-]{1,64}$/.test(text)) return text
  throw new InvalidArgumentError('Give 1 to 64 letters, digits, "-" or "_": it names a folder.')
}
