import { FieldNames } from './field-names.ts';
import type { FieldLines } from './field-lines.ts';

const LOCATIONS = new FieldNames(['location', 'content-location']);
const ABSOLUTE = /^(https?:)\/\/([^/?#\\]*)([^]*)$/i;
const PREFIX = /^x-forwarded-prefix: (\/[^\r\n?#\\]*)\r/im;

/** Rewrites in place, in the fields of a reply. `sent`: the fields of its request, as the upstream got them. */
export type RewriteLocations = (fields: string[], sent: FieldLines) => void;

/**
 * Redirects of an upstream to itself become redirects to the router: as nginx's `proxy_redirect default`, but without an
 * origin, because only the client knows how it has reached us. The base path of the upstream's URL goes, and the prefix that
 * the route took off (X-Forwarded-Prefix) comes back, unless the upstream has put it there itself. All else is left alone:
 * relative references, other origins, and what is not below the base path.
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
    // What begins with two slashes, or what browsers take for them, would lead to another host.
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

/** What follows a whole-segment prefix; undefined when it is another path. */
function withoutPrefix(path: string, prefix: string): string | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const rest = path.slice(prefix.length);
  return rest === '' || /^[/?#]/.test(rest) ? rest : undefined;
}
