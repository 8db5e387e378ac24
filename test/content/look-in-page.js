// Runs in the page (test/long/email-looks.test.ts): what is wider than the screen, too pale, or too small to touch.
;(() => {
  const parse = color => (color.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = color => {
    const [red = 0, green = 0, blue = 0] = parse(color).map(part => {
      const share = part / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const behind = element => {
    for (let at = element; at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at)
      if (parse(backgroundColor)[3] !== 0) return backgroundColor
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(0,0,0)' : 'rgb(255,255,255)'
  }
  const pale = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement
    if (element === null || !node.textContent?.trim() || !element.checkVisibility()) continue
    const [light = 0, dark = 0] = [
      luminance(getComputedStyle(element).color),
      luminance(behind(element)),
    ].sort((a, b) => b - a)
    const ratio = (light + 0.05) / (dark + 0.05)
    if (ratio < 4.5) pale.push(`${ratio.toFixed(1)}: ${node.textContent.trim()}`)
  }
  const boxes = [...document.body.querySelectorAll('table, img, p, a')].map(
    each => each.getBoundingClientRect().width,
  )
  const height = selector => document.querySelector(selector)?.getBoundingClientRect().height ?? 0
  return {
    scrollWidth: document.documentElement.scrollWidth,
    widest: Math.max(...boxes),
    pale,
    // biome-ignore lint/performance/useDomNodeTextContent: what is hidden is not to count
    text: document.body.innerText,
    buttonHeight: height('.button a'),
    titleHeight: height('h1'),
  }
})()
