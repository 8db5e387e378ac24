// A loader hook that changes a source text on its way in: each edit's `find` must be there exactly once.
let edits = []

export function initialize(planted) {
  edits = planted
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context)
  const own = edits.filter(({ file }) => url.endsWith(`/${file}`))
  if (own.length === 0) return loaded
  let source = String(loaded.source)
  for (const { file, find, replace } of own) {
    const found = source.split(find).length - 1
    if (found !== 1) throw new Error(`"${find}" is ${found} times in ${file}, expected once`)
    source = source.replace(find, () => replace)
  }
  return { ...loaded, source }
}
