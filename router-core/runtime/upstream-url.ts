/** The address of an upstream, as it is called. */
export interface UpstreamUrl {
  /** Scheme, host and port, as in `http://[::1]:8000`; of a Unix socket, `unix:` and its path. */
  readonly origin: string;
  /** The path of a Unix socket. */
  readonly socketPath: string | undefined;
  /** For the field Host: with the port unless it is the default. */
  readonly host: string;
  /** The path that goes before each target, without a slash at its end. */
  readonly basePath: string;
  /** Its own absolute URL, as redirects of it have it. */
  readonly ownUrl: string;
}

/** `unix:/run/x.sock`, and after another colon a base path. */
const SOCKET = /^unix:(\/[^:\s?#]+)(?::(\/[^\s?#]*)?)?$/;

/** Linux takes 107 bytes, others less. */
const MOST_PATH_BYTES = 107;

/**
 * `http://host:8000/base`, `https://host`, or `unix:/run/x.sock:/base`. Undefined for anything else, also with credentials (they
 * would end up in logs), a query or a fragment (neither can be joined with the target of a request).
 */
export function parseUpstreamUrl(text: string): UpstreamUrl | undefined {
  const [, socketPath, base = ''] = SOCKET.exec(text) ?? [];
  if (socketPath !== undefined) {
    if (Buffer.byteLength(socketPath) > MOST_PATH_BYTES) return undefined;
    const basePath = base.replace(/\/+$/, '');
    const ownUrl = `http://localhost${basePath}`;
    return { origin: `unix:${socketPath}`, socketPath, host: 'localhost', basePath, ownUrl };
  }
  if (!/^https?:/i.test(text) || /[?#]/.test(text) || !URL.canParse(text)) return undefined;
  const { origin, host, pathname, username, password } = new URL(text);
  if (username !== '' || password !== '') return undefined;
  return { origin, socketPath: undefined, host, basePath: pathname.replace(/\/+$/, ''), ownUrl: text };
}
