/**
 * Several processes' metrics in Prometheus' text format as one text: each sample with a label `worker`, the samples
 * of one family together, as the format wants it.
 */
export function mergeMetrics(texts: ReadonlyMap<string, string>): string {
  const families = new Map<string, { head: string[]; samples: string[] }>()
  for (const [worker, text] of texts) {
    let family = { head: [] as string[], samples: [] as string[] }
    for (const line of text.split('\n')) {
      const [, name] = /^# (?:HELP|TYPE|UNIT) (\S+)/.exec(line) ?? []
      if (name !== undefined) {
        family = families.get(name) ?? { head: [], samples: [] }
        families.set(name, family)
        if (!family.head.some(each => sameHead(each, line))) family.head.push(line)
      } else if (line !== '' && !line.startsWith('#')) family.samples.push(labelled(line, worker))
    }
  }
  const lines = [...families.values()].flatMap(({ head, samples }) => [...head, ...samples])
  return `${lines.join('\n')}\n`
}

function sameHead(a: string, b: string): boolean {
  return a.split(' ', 3).join(' ') === b.split(' ', 3).join(' ')
}

function labelled(sample: string, worker: string): string {
  const label = `worker="${worker}"`
  const [, name = '', rest = ''] = /^([^\s{]+)(.*)$/s.exec(sample) ?? []
  if (!rest.startsWith('{')) return `${name}{${label}}${rest}`
  return `${name}{${label}${rest.startsWith('{}') ? '' : ','}${rest.slice(1)}`
}
