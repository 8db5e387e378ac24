import { BlockList, isIP } from 'node:net'

/**
 * Whether an address is in one of the networks. IPv4 addresses count as themselves, however a socket for both
 * families writes them (`::ffff:10.0.0.7`); what is no address is in no network.
 *
 * @param networks addresses and CIDR blocks, each without an `addressFault`
 */
export function addressRule(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return address => {
    const [plain = ''] = address.split('%', 1)
    const family = isIP(plain)
    if (family === 0) return false
    return list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** What is expected where `network` is no address and no CIDR block. */
export function addressFault(network: string): string | undefined {
  const [address = '', bits, more] = network.split('/')
  const family = address.includes('%') ? 0 : isIP(address)
  const expected = 'an address or a network, such as 10.0.0.0/8 or 2001:db8::/32'
  if (family === 0 || more !== undefined) return expected
  if (/^::ffff:/i.test(address)) return 'an IPv4 network in its own spelling, such as 10.0.0.0/8'
  if (bits === undefined) return undefined
  const bitsMax = family === 6 ? 128 : 32
  return /^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax ? undefined : expected
}
