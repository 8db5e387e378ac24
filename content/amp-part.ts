import { ampCss, StyleClasses } from './amp-style.ts'
import {
  type Element,
  isComment,
  isEmptyElement,
  isHidden,
  isTablePart,
  isTag,
  isText,
  type Node,
  parseHtml,
  styleText,
  tightText,
  writtenAttributes,
} from './dom.ts'
import { escapeHtml } from './escape.ts'
import { marks, type Tag, written } from './tags.ts'
import type { Fail } from './template-error.ts'
import type { BlockElement } from './template-source.ts'

/** https://amp.dev/documentation/guides-and-tutorials/email/learn/email-spec/amp-email-format */
export const AMP_BYTES_MAX = 200_000
export const AMP_CSS_BYTES_MAX = 75_000

const overflowCss =
  '.mr-more[overflow]{position:absolute;bottom:0;left:0;right:0;padding:12px;text-align:center;background-color:#ffffff;color:#1d4ed8;font-family:Helvetica,Arial,sans-serif;font-size:15px;text-decoration:underline}'

/**
 * The AMP part of the HTML part: the same elements and styles, as AMP4EMAIL spells them. Blocks stay between their
 * marks; `ampList` makes one of each.
 */
export function ampPart(html: string, fail: Fail): string {
  const classes = new StyleClasses()
  const sheets: string[] = []
  let language = 'en'
  let body: Element | undefined

  const find = (node: Node): void => {
    if (!isTag(node)) return
    if (node.name === 'html' && node.attribs.lang !== 'und')
      language = node.attribs.lang ?? language
    // MJML's sheet for old Thunderbirds has a media attribute; they show no AMP.
    if (node.name === 'style' && node.attribs.media === undefined)
      sheets.push(ampCss(styleText(node)))
    if (node.name === 'body') body = node
    else for (const child of node.children) find(child)
  }
  const write = (node: Node): string => {
    if (isText(node)) {
      const { parent } = node
      const within = parent !== null && isTag(parent) ? parent : null
      const text = tightText(node.data, within)
      return isTablePart(within) ? text.replace(marks(), found => `<!--${found}-->`) : text
    }
    if (isComment(node) || !isTag(node) || isHidden(node)) return ''
    if (node.name === 'style') return ''
    if (node.name === 'img') return image(node)
    const attributes = writtenAttributes(styled(node.attribs, classes))
    if (isEmptyElement(node.name)) return `<${node.name}${attributes}>`
    return `<${node.name}${attributes}>${node.children.map(write).join('')}</${node.name}>`
  }
  const image = ({ attribs }: Element): string => {
    const { src = '', alt = '', width = '', height = '', style = '' } = attribs
    const corners = /border-radius:[^;]+/.exec(style)?.[0]
    const layout = {
      src,
      alt,
      width: width.replace('px', ''),
      height: height.replace('px', ''),
      layout: 'intrinsic',
    }
    return `<amp-img${writtenAttributes(styled({ ...layout, ...(corners && { style: corners }) }, classes))}></amp-img>`
  }

  for (const node of parseHtml(html).children) find(node)
  if (body === undefined) fail(0, 'MJML made no body', 'write an <mj-body>')
  const content = write(body)
  const css = classes.css() + overflowCss + sheets.join('')
  const bytes = Buffer.byteLength(css)
  if (bytes > AMP_CSS_BYTES_MAX)
    fail(0, `the styles take ${bytes} bytes in AMP`, `it allows ${AMP_CSS_BYTES_MAX}`)
  return `${head(language, css)}${content}</html>`
}

const cdn = 'https://cdn.ampproject.org/v0'
const boilerplate = '<style amp4email-boilerplate>body{visibility:hidden}</style>'

function head(language: string, css: string): string {
  return [
    '<!doctype html>',
    `<html ⚡4email data-css-strict lang="${escapeHtml(language)}">`,
    '<head>',
    '<meta charset="utf-8">',
    `<script async src="${cdn}.js"></script>`,
    boilerplate,
    `<style amp-custom>${css}</style>`,
    '</head>',
    '',
  ].join('\n')
}

/** A document may name only those extensions that it uses. */
export function withExtensions(amp: string): string {
  if (!amp.includes('<amp-list ')) return amp
  const extensions = [
    `<script async custom-element="amp-list" src="${cdn}/amp-list-0.1.js"></script>`,
    `<script async custom-template="amp-mustache" src="${cdn}/amp-mustache-0.2.js"></script>`,
  ]
  return amp.replace(boilerplate, [...extensions, boilerplate].join('\n'))
}

function styled(
  attributes: Readonly<Record<string, string>>,
  classes: StyleClasses,
): Record<string, string> {
  const { style = '', class: own = '', 'aria-roledescription': _, ...others } = attributes
  const names = [
    classes.of(style),
    ...own.split(/\s+/).filter(name => !/^(mj-outlook|$)/.test(name)),
  ]
  const all = names.filter(name => name !== undefined).join(' ')
  return all === '' ? others : { class: all, ...others }
}

/** What stands between a block's marks, as the template that the reader's client fills in. */
export function ampTemplate(body: string, tags: readonly Tag[]): string {
  return body.replace(marks(), (found, _kind, at) => {
    const tag = tags[Number(at)]
    return tag === undefined ? found : written(tag)
  })
}

/**
 * The list that asks again when the email is opened; the answer is `{ "items": payload }`. While it comes, and where it
 * does not, the reader sees what was known when the email was sent.
 * https://amp.dev/documentation/components/email/amp-list
 */
export function ampList(block: BlockElement, url: string, template: string, now: string): string {
  const { height } = block
  const layout =
    height === undefined ? 'layout="container"' : `layout="fixed-height" height="${height}"`
  return [
    `<amp-list ${layout} src="${escapeHtml(url)}" single-item>`,
    `<template type="amp-mustache"><div>${template}</div></template>`,
    `<div placeholder>${now}</div><div fallback>${now}</div>`,
    `<div overflow role="button" tabindex="0" class="mr-more">${block.more.replaceAll('<', '&lt;')}</div>`,
    '</amp-list>',
  ].join('')
}
