import fc from 'fast-check'

/** JSON as texts, with all that JSON.stringify never writes: escapes of any letter, names twice, odd numbers, blanks. */
const units = fc.constantFrom(
  ...[
    'a',
    'b',
    'u',
    '\\u0061',
    '\\u00e9',
    '\\ud800',
    '\\udc00',
    '\\ud83d\\ude00',
    '\\u0000',
    '\\/',
  ],
  ...[
    '\\"',
    '\\\\',
    '\\n',
    '\\b',
    '\\f',
    '\\r',
    '\\t',
    '\u007f',
    'é',
    '\ufffd',
    '😀',
    '\u2028',
    '[',
    ']',
    '{',
    '}',
  ],
)
const escapes = fc.array(units, { maxLength: 5 }).map(parts => `"${parts.join('')}"`)
/** Some are no JSON: both ways refuse the whole body. */
export const wrong = fc.constantFrom(
  '"\\x"',
  '"\t"',
  '01',
  '1.',
  '.5',
  '+1',
  '-',
  '1e',
  '--1',
  'tru',
  'nul',
  '[1,]',
  '{,}',
)
const numbers = fc.constantFrom(
  ...[
    '0',
    '-0',
    '-0.0',
    '0.0',
    '-1e-400',
    '1e400',
    '-1e400',
    '1E5',
    '1e+5',
    '1.50e-3',
    '0e0',
    '127',
    '128',
    '255',
  ],
  ...[
    '256',
    '-32',
    '-33',
    '-128',
    '-129',
    '-32768',
    '-32769',
    '65535',
    '65536',
    '2147483648',
    '-2147483648',
  ],
  ...[
    '-2147483649',
    '4294967295',
    '4294967296',
    '999999999999999',
    '9007199254740993',
    '-9007199254740993',
  ],
  ...[
    '12345678901234567890',
    '0.1',
    '0.3',
    '123456.789012345',
    '0.000000000000001',
    '5e-324',
    '2.5e-324',
  ],
  ...[
    '1.7976931348623157e308',
    '0.1234567890123456789',
    '1'.repeat(39),
    '1'.repeat(40),
    '1'.repeat(400),
  ],
  ...[`0.${'3'.repeat(37)}`, `0.${'3'.repeat(38)}`, `${'1'.repeat(38)}e1`, `${'1'.repeat(38)}e-10`],
)
export const names = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.constantFrom(
      '"a"',
      '"b"',
      '"c"',
      '""',
      '"0"',
      '"1"',
      '"ip"',
      '"name"',
      '"toString"',
      ...Array.from({ length: 40 }, (_, at) => `"k${at}"`),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('"__proto__"', '"\\u005f_proto__"', '"constructor"', '"prototype"'),
  },
  { weight: 1, arbitrary: escapes },
)
const blank = fc.constantFrom('', '', '', ' ', '\n\t ', '\r')
export const objectOf = (pairs: fc.Arbitrary<[name: string, value: string][]>) =>
  fc.tuple(pairs, blank).map(([pairs, blank]) => {
    const fields = pairs.map(([name, value]) => `${blank}${name}${blank}:${blank}${value}${blank}`)
    return `{${fields.join() || blank}}`
  })
const deep = fc.integer({ min: 27, max: 33 }).map(depth => '['.repeat(depth) + ']'.repeat(depth))
export const { value } = fc.letrec<{ value: string; array: string; object: string }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    ...[numbers, escapes, fc.constantFrom('true', 'false', 'null', '"x"'), tie('array')],
    ...[
      { weight: 2, arbitrary: tie('object') },
      { weight: 1, arbitrary: deep },
    ],
  ),
  array: fc
    .tuple(fc.array(tie('value'), { maxLength: 4 }), blank)
    .map(([items, blank]) => `[${items.join(`${blank},`) || blank}]`),
  object: objectOf(fc.array(fc.tuple(names, tie('value')), { maxLength: 5 })),
}))
