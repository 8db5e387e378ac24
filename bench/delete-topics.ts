import kafkajs from 'kafkajs'

/** Removes what a run left at the broker; topics that do not exist are passed over. */
export async function deleteTopics(brokers: string, doomed: readonly string[]): Promise<void> {
  const logLevel = kafkajs.logLevel.NOTHING
  const kafka = new kafkajs.Kafka({ brokers: brokers.split(','), clientId: 'bench', logLevel })
  const admin = kafka.admin()
  await admin.connect()
  try {
    const existing = new Set(await admin.listTopics())
    const topics = doomed.filter(topic => existing.has(topic))
    if (topics.length > 0) await admin.deleteTopics({ topics })
  } finally {
    await admin.disconnect()
  }
}
