import type { Suite } from '../harness.ts'
import { brokerCleaningCases } from './broker-cleaning-cases.ts'
import { brokerGroupCases } from './broker-group-cases.ts'
import { brokerLogCases } from './broker-log-cases.ts'
import { brokerMemberCases } from './broker-member-cases.ts'
import { brokerProducerCases } from './broker-producer-cases.ts'
import { brokerRudeCases } from './broker-rude-cases.ts'
import { brokerTopicCases } from './broker-topic-cases.ts'
import { brokerTransactionCases } from './broker-transaction-cases.ts'
import type { BrokerWorld } from './broker-world.ts'
import { librdkafkaCases } from './librdkafka-cases.ts'

/** What a broker does, as Kafka 4.1 does it: run on the embedded broker and, where there is one, on a real Kafka. */
export function brokerCases(test: Suite, world: () => BrokerWorld): void {
  brokerTopicCases(test, world)
  brokerLogCases(test, world)
  brokerProducerCases(test, world)
  brokerTransactionCases(test, world)
  brokerGroupCases(test, world)
  brokerMemberCases(test, world)
  brokerCleaningCases(test, world)
  brokerRudeCases(test, world)
  librdkafkaCases(test, world)
}
