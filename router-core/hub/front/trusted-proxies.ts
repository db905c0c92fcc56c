import { BlockList, isIP } from 'node:net';
import { toldClient, type ToldClient } from '../../http/client-address.ts';
import { fromText } from '../../runtime/options.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { ClientRequest } from './client-request.ts';

/** A range of addresses, as `10.0.0.0/8`; a single address is a range of one. */
interface AddressRange {
  readonly address: string;
  readonly bits: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** In place of ranges: nobody is trusted. */
const NONE = 'none';

export function addressRange() {
  return fromText(
    `an address or a range such as 10.0.0.0/8, or ${NONE}`,
    (text): AddressRange | typeof NONE | undefined => {
      if (text === NONE) return NONE;
      const [, address = '', digits] = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
      const version = isIP(address);
      const longest = version === 6 ? 128 : 32;
      const bits = Number(digits ?? longest);
      if (version === 0 || bits > longest) return undefined;
      return { address, bits, family: version === 6 ? 'ipv6' : 'ipv4' };
    },
  );
}

const UNTRUSTED =
  'X-Forwarded-* and Forwarded of this peer are replaced, and so are those of others that --trust-proxy does not name: name it if it is a proxy of yours';

/** Looking an address up in a list costs about a microsecond: answers are kept. */
const MOST_KEPT = 4_096;

/** The proxies whose fields about clients count, by the addresses that they connect from. */
export class TrustedProxies {
  readonly #ranges = new BlockList();
  #hasSaid = false;
  readonly #kept = new Map<string, boolean>();

  constructor(ranges: readonly (AddressRange | typeof NONE)[]) {
    for (const range of ranges) {
      if (range !== NONE) this.#ranges.addSubnet(range.address, range.bits, range.family);
    }
  }

  has(address: string): boolean {
    const kept = this.#kept.get(address);
    if (kept !== undefined) return kept;
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    const version = isIP(address);
    const isTrusted = version !== 0 && this.#ranges.check(address, version === 6 ? 'ipv6' : 'ipv4');
    this.#kept.set(address, isTrusted);
    return isTrusted;
  }

  /** Says once that fields of an untrusted peer were dropped: a proxy may have been forgotten in --trust-proxy. */
  noteUntrusted(request: ClientRequest, log: Logger): void {
    if (this.#hasSaid || (!request.field('x-forwarded-for') && !request.field('forwarded'))) return;
    this.#hasSaid = true;
    log.info({ peer: request.peer }, UNTRUSTED);
  }

  /** The client that has sent a request, as far as trusted proxies tell of it. */
  clientOf({ rawHeaders, peer }: ClientRequest): ToldClient {
    return toldClient(rawHeaders, peer, (address) => this.has(address));
  }
}
