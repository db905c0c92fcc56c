import { FieldNames } from './field-names.ts';
import { rawFields, type FieldLines } from './field-lines.ts';

/** Fields of replies of which there is one: Node throws at a second (lib/internal/http2/util.js). The first counts, as in its own client. */
const SINGLE = new FieldNames([
  ...['access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method', 'age'],
  ...['authorization', 'content-encoding', 'content-language', 'content-length', 'content-location'],
  ...['content-md5', 'content-range', 'content-type', 'date', 'dnt', 'etag', 'expires', 'from', 'host'],
  ...['if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'last-modified'],
  ...['location', 'max-forwards', 'proxy-authorization', 'range', 'referer', 'retry-after', 'tk'],
  ...['upgrade-insecure-requests', 'user-agent', 'x-content-type-options'],
]);

/** Fields of a connection, which HTTP/2 does not have (RFC 9113 §8.2.2). */
const OF_CONNECTION = new FieldNames([
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'http2-settings', 'te'],
]);

export type Http2Fields = Record<string, string | string[]>;

/** Fields of a reply in the form of HTTP/2: names in lower case, none of a connection. */
export function http2Fields(lines: FieldLines): Http2Fields {
  return http2FieldsOf(rawFields(lines));
}

/** `raw`: names and values in turn. */
export function http2FieldsOf(raw: readonly string[]): Http2Fields {
  // A field may be called like a property of objects.
  const fields = Object.create(null) as Http2Fields;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (name === '' || OF_CONNECTION.has(name)) continue;
    const value = raw[i + 1] ?? '';
    const before = fields[name];
    if (before === undefined) fields[name] = value;
    else if (!SINGLE.has(name)) fields[name] = [before, value].flat();
  }
  return fields;
}
