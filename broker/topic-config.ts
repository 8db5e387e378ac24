import { KafkaError } from './kafka-error.ts'

/** The configuration of a topic that this broker acts on, under Kafka's names and with Kafka's defaults. */
export interface TopicConfig {
  readonly 'cleanup.policy': string
  readonly 'compression.type': string
  readonly 'delete.retention.ms': number
  readonly 'max.compaction.lag.ms': number
  readonly 'max.message.bytes': number
  readonly 'message.timestamp.after.max.ms': number
  readonly 'message.timestamp.type': string
  readonly 'min.cleanable.dirty.ratio': number
  readonly 'min.compaction.lag.ms': number
  readonly 'min.insync.replicas': number
  readonly 'retention.bytes': number
  readonly 'retention.ms': number
  readonly 'segment.bytes': number
  readonly 'segment.ms': number
}

export type ConfigName = keyof TopicConfig

interface NumberRule {
  readonly kind: 'number'
  readonly min: number
  readonly max: number
  /** As DescribeConfigs types it: https://kafka.apache.org/protocol, ConfigType. */
  readonly type: 3 | 5 | 6
}

interface WordRule {
  readonly kind: 'word'
  readonly words: readonly string[]
  /** A list, separated by commas. */
  readonly list: boolean
}

const INT = 3
const LONG = 5
const DOUBLE = 6
const DAY_MS = 86_400_000
const INT_MAX = 0x7fffffff
const LONG_MAX = Number.MAX_SAFE_INTEGER

const defaults: TopicConfig = {
  'cleanup.policy': 'delete',
  'compression.type': 'producer',
  'delete.retention.ms': DAY_MS,
  'max.compaction.lag.ms': LONG_MAX,
  'max.message.bytes': 1_048_588,
  'message.timestamp.after.max.ms': 3_600_000,
  'message.timestamp.type': 'CreateTime',
  'min.cleanable.dirty.ratio': 0.5,
  'min.compaction.lag.ms': 0,
  'min.insync.replicas': 1,
  'retention.bytes': -1,
  'retention.ms': 7 * DAY_MS,
  'segment.bytes': 128 * 1024 * 1024,
  'segment.ms': 7 * DAY_MS,
}

const number = (type: 3 | 5 | 6, min: number, max: number): NumberRule => ({
  kind: 'number',
  min,
  max,
  type,
})
const word = (words: readonly string[], list = false): WordRule => ({ kind: 'word', words, list })

const configRules: Readonly<Record<ConfigName, NumberRule | WordRule>> = {
  'cleanup.policy': word(['delete', 'compact'], true),
  // Batches are stored as they come, which is what `producer` means.
  'compression.type': word(['producer']),
  'delete.retention.ms': number(LONG, 0, LONG_MAX),
  'max.compaction.lag.ms': number(LONG, 1, LONG_MAX),
  'max.message.bytes': number(INT, 0, INT_MAX),
  'message.timestamp.after.max.ms': number(LONG, 0, LONG_MAX),
  'message.timestamp.type': word(['CreateTime', 'LogAppendTime']),
  'min.cleanable.dirty.ratio': number(DOUBLE, 0, 1),
  'min.compaction.lag.ms': number(LONG, 0, LONG_MAX),
  'min.insync.replicas': number(INT, 1, INT_MAX),
  'retention.bytes': number(LONG, -1, LONG_MAX),
  'retention.ms': number(LONG, -1, LONG_MAX),
  'segment.bytes': number(INT, 1024 * 1024, INT_MAX),
  'segment.ms': number(LONG, 1, LONG_MAX),
}

export const configNames = Object.keys(defaults).filter(isConfigName)

/** Configurations of Kafka's that are allowed and mean nothing on a single node that flushes as it does. */
const ignored = new Set([
  'file.delete.delay.ms',
  'flush.messages',
  'flush.ms',
  'follower.replication.throttled.replicas',
  'index.interval.bytes',
  'leader.replication.throttled.replicas',
  'message.timestamp.before.max.ms',
  'preallocate',
  'segment.index.bytes',
  'segment.jitter.ms',
  'unclean.leader.election.enable',
])

export type ConfigOverrides = Readonly<Record<string, string>>

/** Throws INVALID_CONFIG, naming what is wrong. `overrides` are a topic's own, as the client wrote them. */
export function parseTopicConfig(overrides: ConfigOverrides): TopicConfig {
  const config: Record<string, string | number> = { ...defaults }
  for (const [name, text] of Object.entries(overrides)) {
    const rule = isConfigName(name) ? configRules[name] : undefined
    if (rule !== undefined)
      config[name] =
        rule.kind === 'number' ? parseNumber(name, text, rule) : parseWord(name, text, rule)
    else if (!ignored.has(name))
      throw new KafkaError('INVALID_CONFIG', `Unknown topic config name: ${name}`)
  }
  return { ...defaults, ...config }
}

export function isConfigName(name: string): name is ConfigName {
  return Object.hasOwn(configRules, name)
}

/** Kafka's ConfigType of a configuration, for DescribeConfigs v3. */
export function configType(name: ConfigName): number {
  const rule = configRules[name]
  return rule.kind === 'number' ? rule.type : rule.list ? 7 : 2
}

function parseNumber(name: string, text: string, rule: NumberRule): number {
  const value = /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN
  const whole = rule.type === DOUBLE || Number.isInteger(value)
  // Java's Long.MAX_VALUE means "never" and is not a safe integer here.
  const bounded = rule.max === LONG_MAX ? Math.min(value, LONG_MAX) : value
  if (whole && bounded >= rule.min && bounded <= rule.max) return bounded
  throw new KafkaError(
    'INVALID_CONFIG',
    `Invalid value ${text} for configuration ${name}: expected ${rule.min} to ${rule.max}`,
  )
}

function parseWord(name: string, text: string, rule: WordRule): string {
  const words = rule.list ? text.split(',').map(each => each.trim()) : [text]
  if (words.every(each => rule.words.includes(each))) return words.join(',')
  const expected = rule.words.join(rule.list ? ' and ' : ' or ')
  throw new KafkaError(
    'INVALID_CONFIG',
    `Invalid value ${text} for configuration ${name}: expected ${expected}`,
  )
}

export function isListConfig(name: string): boolean {
  if (!isConfigName(name)) return false
  const rule = configRules[name]
  return rule.kind === 'word' && rule.list
}

/** As a client sees it: "never" is Java's largest long. */
export function configText(config: TopicConfig, name: ConfigName): string {
  const value = config[name]
  return value === LONG_MAX ? '9223372036854775807' : String(value)
}
