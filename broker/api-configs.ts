import { apiKeys } from '../protocol/api-keys.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import { Writer } from '../protocol/writer.ts'
import { type Answer, type Api, type BrokerParts, type Request, refusal } from './api.ts'
import { KafkaError } from './kafka-error.ts'
import { configNames, configText, configType, isListConfig } from './topic-config.ts'
import type { Topic } from './topics.ts'

const TOPIC = 2
const BROKER = 4
const SOURCE_TOPIC = 1
const SOURCE_DEFAULT = 5

interface Resource {
  readonly kind: number
  readonly name: string
}

export const describeConfigs: Api = {
  key: apiKeys.DescribeConfigs,
  min: 0,
  max: 3,

  answer({ reader, version }: Request, { topics }: BrokerParts): Answer {
    const asked = reader.array(each => ({
      kind: each.int8(),
      name: each.string(),
      keys: each.nullableArray(one => one.string()),
    }))
    const writer = new Writer().int32(0)
    return writer.array(asked, ({ keys, ...resource }) => {
      const { topic, error, message } = lookUp(resource, topics)
      writer.int16(error).string(message).int8(resource.kind).string(resource.name)
      const names =
        topic === undefined
          ? []
          : configNames.filter(name => keys === null || keys.length === 0 || keys.includes(name))
      writer.array(names, name => {
        const own = topic?.overrides[name] !== undefined
        writer
          .string(name)
          .string(topic === undefined ? null : configText(topic.config, name))
          .boolean(false)
        if (version === 0) writer.boolean(!own)
        else writer.int8(own ? SOURCE_TOPIC : SOURCE_DEFAULT)
        writer.boolean(false)
        if (version >= 1) writer.array([], () => writer)
        if (version >= 3) writer.int8(configType(name)).string(null)
      })
    })
  },
}

function lookUp(
  { kind, name }: Resource,
  topics: BrokerParts['topics'],
): { topic: Topic | undefined; error: number; message: string | null } {
  // The broker's own configuration is not described: there is nothing of it to alter.
  if (kind === BROKER) return { topic: undefined, error: errorCodes.NONE, message: null }
  if (kind !== TOPIC)
    return {
      topic: undefined,
      error: errorCodes.INVALID_REQUEST,
      message: `unknown kind of resource ${kind}`,
    }
  const topic = topics.get(name)
  if (topic !== undefined) return { topic, error: errorCodes.NONE, message: null }
  return {
    topic,
    error: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    message: `there is no topic ${name}`,
  }
}

/** Replaces all that a topic sets for itself. */
export const alterConfigs: Api = {
  key: apiKeys.AlterConfigs,
  min: 0,
  max: 1,

  answer({ reader }: Request, { topics }: BrokerParts): Answer {
    const asked = reader.array(each => ({
      kind: each.int8(),
      name: each.string(),
      entries: each.array(one => [one.string(), one.nullableString()] as const),
    }))
    const validateOnly = reader.boolean()
    return answerAll(
      asked,
      ({ entries }, topic) => {
        const overrides = Object.fromEntries(
          entries.flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
        )
        topics.configure(topic.name, overrides, validateOnly)
      },
      topics,
    )
  },
}

const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

/** KIP-339: each entry says what to do with it. */
export const incrementalAlterConfigs: Api = {
  key: apiKeys.IncrementalAlterConfigs,
  min: 0,
  max: 0,

  answer({ reader }: Request, { topics }: BrokerParts): Answer {
    const asked = reader.array(each => ({
      kind: each.int8(),
      name: each.string(),
      entries: each.array(readChange),
    }))
    const validateOnly = reader.boolean()
    return answerAll(
      asked,
      ({ entries }, topic) => {
        const overrides: Record<string, string> = { ...topic.overrides }
        for (const { key, operation, value } of entries) {
          if (operation === DELETE) delete overrides[key]
          else overrides[key] = changed(overrides[key] ?? '', key, operation, value ?? '')
        }
        topics.configure(topic.name, overrides, validateOnly)
      },
      topics,
    )
  },
}

function readChange(reader: Reader) {
  return { key: reader.string(), operation: reader.int8(), value: reader.nullableString() }
}

function changed(current: string, key: string, operation: number, value: string): string {
  if (operation === SET) return value
  if ((operation !== APPEND && operation !== SUBTRACT) || !isListConfig(key)) {
    throw new KafkaError('INVALID_CONFIG', `operation ${operation} is not possible on ${key}`)
  }
  const words = current.split(',').filter(word => word !== '' && word !== value)
  return (operation === APPEND ? [...words, value] : words).join(',')
}

function answerAll<R extends Resource>(
  asked: readonly R[],
  alter: (resource: R, topic: Topic) => void,
  topics: BrokerParts['topics'],
): Writer {
  const writer = new Writer().int32(0)
  return writer.array(asked, resource => {
    const { topic, error, message } = lookUp(resource, topics)
    let result: { error: number; message: string | null } = { error, message }
    if (topic !== undefined) {
      try {
        alter(resource, topic)
      } catch (problem) {
        const refused = refusal(problem)
        result = { error: refused.number, message: refused.message }
      }
    }
    writer.int16(result.error).string(result.message).int8(resource.kind).string(resource.name)
  })
}
