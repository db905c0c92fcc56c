import { isIP } from 'node:net';
import { parseForwarded } from './forwarded.ts';

/** The client of a request, as far as trusted proxies tell of it. */
export interface ToldClient {
  /** The nearest address that is no trusted proxy; the peer itself when that is none. */
  readonly address: string;
  /** The scheme and the host that the client has used, where a Forwarded field tells them. */
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

type IsTrusted = (address: string) => boolean;

interface Hop {
  readonly node: string;
  readonly proto?: string | undefined;
  readonly host?: string | undefined;
}

/**
 * Walks from the peer towards the client for as long as the node that tells of the next one is trusted: only the end of the list is
 * written by proxies, and its beginning may be whatever the client has sent. X-Forwarded-For counts before Forwarded.
 */
export function toldClient(raw: readonly string[], peer: string, isTrusted: IsTrusted): ToldClient {
  let told: ToldClient = { address: peer, proto: undefined, host: undefined };
  if (!isTrusted(peer)) return told;
  const hops = hopsOf(raw);
  for (let i = hops.length - 1; i >= 0 && isTrusted(told.address); i--) {
    const { node, proto, host } = hops[i] as Hop;
    const address = plainAddress(node);
    // `unknown` or a made-up name: nobody can tell if that node is trusted.
    if (address === undefined) break;
    told = { address, proto, host };
  }
  return told;
}

function hopsOf(raw: readonly string[]): Hop[] {
  const lists = { forwarded: '', 'x-forwarded-for': '' };
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]?.toLowerCase();
    if (name !== 'forwarded' && name !== 'x-forwarded-for') continue;
    lists[name] += `${lists[name] === '' ? '' : ','}${raw[i + 1]}`;
  }
  if (lists['x-forwarded-for'] === '') return parseForwarded(lists.forwarded);
  return lists['x-forwarded-for'].split(',').map((node) => ({ node: node.trim() }));
}

/** An address without port, brackets and the prefix of IPv4 in IPv6. Undefined for anything else. */
export function plainAddress(node: string): string | undefined {
  const [, six, four] = /^(?:\[([0-9A-Fa-f:.]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?$/.exec(node) ?? [];
  const address = six ?? four ?? node;
  if (isIP(address) === 0) return undefined;
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address.toLowerCase();
}
