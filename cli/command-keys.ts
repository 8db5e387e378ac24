import { type Command, InvalidArgumentError } from 'commander'
import { addressFault } from '../http/addresses.ts'
import { fieldFault, NAME, NAME_EXPECTED } from '../http/key-file.ts'
import { originFault } from '../http/origins.ts'
import type { CommandContext } from './context.ts'
import { addDataFlags, type DataFlags, flag, wholeNumber } from './flags.ts'
import type { NewKey } from './keys-edit.ts'

interface FileFlags {
  readonly keys: string
}

interface AddFlags extends FileFlags, Omit<NewKey, 'name' | 'action'> {
  readonly write?: boolean
  readonly read?: boolean
  readonly admin?: boolean
}

/** `millrace keys`: makes, lists and takes back keys to write and read, and renews what signs. */
export function registerKeys(program: Command, context: CommandContext): void {
  const keys = program
    .command('keys')
    .description('make, list, renew and take back keys to write and read')
  registerAdd(keys, context)

  withFile(keys.command('list').description('print the keys, without their secrets')).action(
    async (flags: FileFlags) => {
      const { listKeys } = await import('./keys-edit.ts')
      for (const line of await listKeys(flags.keys)) context.print(line)
    },
  )

  withFile(keys.command('remove').description('take a key back: it opens nothing any more'))
    .argument('<name>', 'its name')
    .action(async (name: string, flags: FileFlags) => {
      const { removeKey } = await import('./keys-edit.ts')
      await removeKey(flags.keys, name)
      context.logger.info(`the key ${name} opens nothing any more, 2 s from now at the latest`)
    })

  withFile(keys.command('renew').description('give a key a second secret, and print it'))
    .argument('<name>', 'its name')
    .option('--finish', 'take the older of its two secrets back', false)
    .action(async (name: string, flags: FileFlags & { finish: boolean }) => {
      const { finishRenewal, renewKey } = await import('./keys-edit.ts')
      if (flags.finish) return finishRenewal(flags.keys, name)
      context.print(await renewKey(flags.keys, name, context.clock.now()))
      context.logger.info(
        `both secrets of ${name} open now; once nobody uses the old one: millrace keys renew ${name} --finish`,
      )
    })

  const rotate = keys
    .command('rotate')
    .description('sign links and tokens with a new key; the old ones open what they signed')
    .addOption(flag('--signing-keys <file>', 'the file, if not signing.json in --data'))
  addDataFlags(rotate).action(async (flags: DataFlags & { signingKeys?: string }) => {
    const { rotateSigningKeys } = await import('./keys-edit.ts')
    context.print(await rotateSigningKeys(flags, context.clock.now()))
  })
}

function registerAdd(keys: Command, context: CommandContext): void {
  const add = keys
    .command('add')
    .description(
      'make a key, and print its secret: it is shown this once, and only its hash is kept',
    )
    .argument('<name>', 'names the source of what is written, in logs and metrics', parseName)
    .option('--write', 'a key to write events')
    .option('--read', 'a key to read features')
    .option('--admin', "a key to erase and export people's data, and to read it and the audit log")
    .option(
      '--origin <origin>',
      'pages that may use it, such as https://shop.example; again for more',
      collect(originFault),
    )
    .option(
      '--address <network>',
      'addresses that may use it, such as 10.0.0.0/8; again for more',
      collect(addressFault),
    )
    .option('--per-second <n>', 'requests of a second', wholeNumber(1, 1_000_000))
    .option('--require-consent', 'refuse events that say nothing of consent')
    .option(
      '--fields <names>',
      'features that it may read, separated by commas; "" for none',
      parseFields,
    )
    .option(
      '--budget-ms <n>',
      'how long an answer may take before it is a fallback',
      wholeNumber(1, 30_000),
    )
  withFile(add).action(async (name: string, flags: AddFlags) => {
    const { keys: path, write = false, read = false, admin = false, ...rest } = flags
    const [action, another] = (['write', 'read', 'admin'] as const).filter(
      each => ({ write, read, admin })[each],
    )
    if (action === undefined || another !== undefined)
      return add.error('error: give one of --write, --read and --admin')
    const ofReading = read ? undefined : (rest.fields ?? rest.budgetMs)
    const ofWriting = write ? undefined : rest.requireConsent
    if ((ofReading ?? ofWriting) !== undefined)
      return add.error(
        'error: --require-consent is for --write; --fields and --budget-ms are for --read',
      )
    const { addKey } = await import('./keys-edit.ts')
    context.print(await addKey(path, { ...rest, name, action }, context.clock.now()))
    context.logger.info(
      `this secret is shown once; ${path} keeps its hash: start collect and serve with --keys ${path}`,
    )
  })
}

function withFile(command: Command): Command {
  return command.addOption(flag('--keys <file>', 'the file of keys').default('keys.json'))
}

function parseName(text: string): string {
  if (NAME.test(text)) return text
  throw new InvalidArgumentError(`Give ${NAME_EXPECTED}.`)
}

function parseFields(text: string): string[] {
  const names = text === '' ? [] : text.split(',')
  const fault = names.map(fieldFault).find(expected => expected !== undefined)
  if (fault === undefined) return names
  throw new InvalidArgumentError(`Give for each ${fault}.`)
}

/** A flag that is given several times. */
function collect(faultOf: (text: string) => string | undefined) {
  return (text: string, before: readonly string[] = []): readonly string[] => {
    const fault = faultOf(text)
    if (fault === undefined) return [...before, text]
    throw new InvalidArgumentError(`Give ${fault}.`)
  }
}
