import { FieldNames } from './field-names.ts';
import type { FieldLines } from './field-lines.ts';

const LOCATIONS = new FieldNames(['location', 'content-location']);
const ABSOLUTE = /^(https?:)\/\/([^/?#\\]*)([^]*)$/i;
const PREFIX = /^x-forwarded-prefix: (\/[^\r\n?#\\]*)\r/im;

/** Rewrites the fields of a reply in place. `sent`: the fields of its request, as the upstream got them. */
export type RewriteLocations = (fields: string[], sent: FieldLines) => void;

/**
 * Turns redirects of an upstream to itself into redirects to the router, as nginx's `proxy_redirect default` does, but without
 * an origin, because only the client knows how it has reached the router. Removes the base path of the upstream's URL, and
 * adds the prefix that the route took off (X-Forwarded-Prefix) unless the upstream has added it. Leaves alone: relative
 * references, other origins, and paths outside of the base path.
 */
export function compileLocations(upstreamUrl: string): RewriteLocations {
  const { protocol, host, port, pathname } = new URL(upstreamUrl);
  const basePath = pathname.replace(/\/+$/, '');
  const usualPort = protocol === 'https:' ? 443 : 80;
  const hosts = new Set(port === '' ? [host, `${host}:${usualPort}`] : [host]);

  const rewrite = (location: string, sent: FieldLines): string => {
    const [, scheme = '', authority = '', rest = ''] = ABSOLUTE.exec(location) ?? [];
    if (scheme.toLowerCase() !== protocol || !hosts.has(authority.toLowerCase())) return location;
    const below = withoutPrefix(rest, basePath);
    // A location that begins with two slashes, or with what browsers read as two, would lead to another host.
    if (below === undefined || /^\/[/\\]/.test(below)) return location;
    const prefix = PREFIX.exec(sent)?.[1]?.replace(/\/+$/, '') ?? '';
    if (prefix.startsWith('//')) return location;
    const path = below.startsWith('/') ? below : `/${below}`;
    return withoutPrefix(path, prefix) === undefined ? prefix + path : path;
  };
  return (fields, sent) => {
    for (let i = 0; i + 1 < fields.length; i += 2) {
      if (LOCATIONS.has(fields[i] ?? '')) fields[i + 1] = rewrite(fields[i + 1] ?? '', sent);
    }
  };
}

/** The rest after a whole-segment prefix; undefined when the path does not have it. */
function withoutPrefix(path: string, prefix: string): string | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const rest = path.slice(prefix.length);
  return rest === '' || /^[/?#]/.test(rest) ? rest : undefined;
}
