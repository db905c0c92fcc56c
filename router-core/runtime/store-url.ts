/** A host, and the port as digits. An IPv6 address stands in brackets. */
export interface Endpoint {
  readonly host: string;
  readonly port: string;
}

/** The address of Redis, and how its master is found. */
export interface StoreUrl {
  readonly kind: 'standalone' | 'sentinel' | 'cluster';
  /** Addresses of Redis itself, of its sentinels, or of some nodes of the Cluster; empty for a Unix socket. */
  readonly endpoints: readonly Endpoint[];
  /** The name of the master at the sentinels; empty without sentinels. */
  readonly master: string;
  /** The URL of one server, with the login, database and options. */
  readonly urlOf: (endpoint: Endpoint) => string;
  /** The URL of one sentinel: sentinels have logins of their own and no databases. */
  readonly sentinelUrlOf: (endpoint: Endpoint) => string;
}

const SCHEME = /^(rediss?)(?:\+(sentinel|cluster))?:\/\//;
const SENTINEL_PORT = '26379';
const REDIS_PORT = '6379';

/**
 * `redis://host:6379/0`, `redis+sentinel://host:26379,host:26379/<master>/0`, `redis+cluster://host:6379,host:6379`, each also
 * with `rediss` for TLS and `user:password@` before the hosts. `?sentinelUsername=…&sentinelPassword=…` is the login at the
 * sentinels. Or a Unix socket of this machine, see socketOf. Undefined for anything else.
 */
export function parseStoreUrl(text: string): StoreUrl | undefined {
  if (socketOf(text)) return socket(text);
  const [start = '', scheme = 'redis', kind = 'standalone'] = SCHEME.exec(text) ?? [];
  // The userinfo ends with the last @ of the authority (as in WHATWG URLs), the hosts with what comes after it.
  const [, login = '', hosts = '', rest = ''] =
    /^([^/?#]*@)?([^/?#]*)(.*)$/s.exec(text.slice(start.length)) ?? [];
  if (start === '' || hosts === '') return undefined;
  if (kind === 'standalone') return URL.canParse(text) ? standalone(text) : undefined;
  const isSentinel = kind === 'sentinel';
  const endpoints = hosts.split(',').map((host) => endpointOf(host, isSentinel ? SENTINEL_PORT : REDIS_PORT));
  if (!endpoints.every((endpoint) => endpoint !== undefined)) return undefined;
  const bare = new URL(`redis://h${rest}`);
  const [first = '', second = '', ...more] = bare.pathname.slice(1).split('/');
  const [master, database] = isSentinel ? [first, second] : ['', first];
  // A Cluster has one database.
  if (more.length > 0 || !/^\d*$/.test(database) || (isSentinel ? master === '' : database + second !== ''))
    return undefined;
  const sentinelLogin = takeSentinelLogin(bare.searchParams);
  const at = ({ host, port }: Endpoint) => `${host}:${port}`;
  const path = database === '' ? '' : `/${database}`;
  return {
    kind: kind as StoreUrl['kind'],
    endpoints,
    master: decodeURIComponent(master),
    urlOf: (endpoint) => `${scheme}://${login}${at(endpoint)}${path}${bare.search}`,
    sentinelUrlOf: (endpoint) => `${scheme}://${sentinelLogin}${at(endpoint)}${bare.search}`,
  };
}

function standalone(url: string): StoreUrl {
  const { hostname: host, port } = new URL(url);
  const urlOf = () => url;
  return { kind: 'standalone', endpoints: [{ host, port }], master: '', urlOf, sentinelUrlOf: urlOf };
}

function socket(url: string): StoreUrl {
  return { ...standalone(url), endpoints: [] };
}

export interface UnixSocket {
  readonly path: string;
  readonly db: number;
}

/**
 * `unix:///run/redis/redis.sock`, perhaps with `?db=1&username=…&password=…`: userinfo would need a host, and a socket has
 * none. Undefined for anything else.
 */
export function socketOf(text: string): UnixSocket | undefined {
  if (!text.startsWith('unix:///') || !URL.canParse(text)) return undefined;
  const { pathname, searchParams, hash } = new URL(text);
  const isKnown = [...searchParams.keys()].every((name) => ['db', 'username', 'password'].includes(name));
  const db = searchParams.get('db') ?? '0';
  if (!isKnown || hash !== '' || !/^\d{1,9}$/.test(db) || pathname.endsWith('/')) return undefined;
  try {
    return { path: decodeURIComponent(pathname), db: Number(db) };
  } catch {
    return undefined;
  }
}

function endpointOf(text: string, defaultPort: string): Endpoint | undefined {
  const [, host, port = defaultPort] = /^(\[[0-9a-fA-F:.%]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  return host === undefined ? undefined : { host, port };
}

function takeSentinelLogin(params: URLSearchParams): string {
  const [user, password] = ['sentinelUsername', 'sentinelPassword'].map((name) => {
    const value = params.get(name) ?? '';
    params.delete(name);
    return encodeURIComponent(value);
  });
  return `${user}${password}` === '' ? '' : `${user}:${password}@`;
}
