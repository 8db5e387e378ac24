import { startBroker } from '../../broker/broker.ts'

// A broker on the folder that is given, until it is killed, asked to end (SIGTERM), or its parent goes.
const broker = await startBroker({ folder: process.argv[2] ?? '' })
process.send?.(broker.address)
process.on('disconnect', () => process.exit(1))
process.on('SIGTERM', async () => {
  await broker.close()
  process.exit(0)
})
