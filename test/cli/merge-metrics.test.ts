import { mergeMetrics } from '../../cli/merge-metrics.ts'
import { assert, suite } from '../harness.ts'

const test = suite('metrics of several workers')

test("each sample says whose it is, and a family's stand together under one head", () => {
  const one =
    '# HELP hits how many\n# TYPE hits counter\nhits{a="b c"} 1\n# HELP up is it\n# TYPE up gauge\nup 1\n'
  const two = '# HELP hits how many\n# TYPE hits counter\nhits{} 2 17\n# EOF\n'
  const merged = mergeMetrics(
    new Map([
      ['1', one],
      ['2', two],
    ]),
  )
  assert.equal(merged.split('\n'), [
    '# HELP hits how many',
    '# TYPE hits counter',
    'hits{worker="1",a="b c"} 1',
    'hits{worker="2"} 2 17',
    '# HELP up is it',
    '# TYPE up gauge',
    'up{worker="1"} 1',
    '',
  ])
})

test.run()
