import { memoryStore } from '../../state/memory-store.ts'
import { suite } from '../harness.ts'
import { storeCases } from './store-cases.ts'

const test = suite('memory store')

storeCases(test, async () => memoryStore())

test.run()
