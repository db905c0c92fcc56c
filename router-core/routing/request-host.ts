/** Names in DNS are shorter. No route has a longer host, so a look-up at each of its dots would be wasted. */
const LONGEST_HOST = 255;

/** The host of an authority as routes compare it: lower case, without port and trailing dot. Empty when no host can match. */
export function hostOf(authority: string): string {
  const address = authority.startsWith('[') ? authority.indexOf(']') : -1;
  const colon = authority.indexOf(':', address + 1);
  const name = colon < 0 ? authority : authority.slice(0, colon);
  const host = name.endsWith('.') ? name.slice(0, -1) : name;
  return host.length > LONGEST_HOST ? '' : host.toLowerCase();
}
