import { startBroker } from '../../broker/broker.ts'

// A broker on the folder that is given, until it is killed or its parent goes.
const broker = await startBroker({ folder: process.argv[2] ?? '' })
process.send?.(broker.address)
process.on('disconnect', () => process.exit(1))
