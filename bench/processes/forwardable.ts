/** Hop-by-hop fields (RFC 9110 section 7.6.1), and Host, which undici writes itself. */
const notForwarded = new Set([
  'connection',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Names and values in turn, as latin1 strings, without hop-by-hop fields. */
export function forwardable(raw: readonly (string | Buffer)[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = String(raw[i]);
    if (notForwarded.has(name.toLowerCase())) continue;
    const value = raw[i + 1];
    kept.push(name, typeof value === 'string' ? value : (value?.toString('latin1') ?? ''));
  }
  return kept;
}
