import { spawnSync } from 'node:child_process'

/** What the peers need that is missing here, in words; nothing where all is there. */
export function missingForPeers(): string | undefined {
  const missing = [
    ...(process.platform === 'linux' ? [] : ['Linux']),
    ...(answers('java', '-version') ? [] : ['Java 17 or newer (`java`)']),
    ...(answers('javac', '-version') ? [] : ['a JDK, not the runtime alone (`javac`)']),
    ...(answers('mvn', '-v') ? [] : ['Maven (`mvn`), for the jars at the first use']),
  ]
  return missing.length === 0 ? undefined : missing.join('; ')
}

/** The first line that a program says of its version. */
export function versionOf(command: string, flag: string): string {
  const { stdout, stderr } = spawnSync(command, [flag], { encoding: 'utf8' })
  return `${stdout}${stderr}`.split('\n')[0]?.trim() ?? ''
}

function answers(command: string, flag: string): boolean {
  return spawnSync(command, [flag], { stdio: 'ignore' }).status === 0
}
