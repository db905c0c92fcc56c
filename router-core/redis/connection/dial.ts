import { Redis, ReplyError } from 'ioredis';
import { HIDDEN_PASSWORD, LoginCommand, type Address } from './login.ts';
import { watchSilence } from './watch-silence.ts';

/** The reason why a client ended. */
export interface Ended {
  readonly reason: string;
  /** True when Redis is there and refuses the login. */
  readonly refused: boolean;
}

export interface DialOptions {
  readonly address: Address;
  readonly name: string;
  /** A server that does not answer for this long is treated as gone, ms; undefined: it may be silent for ever. */
  readonly silenceMs: number | undefined;
  readonly connectMs?: number;
  readonly onReady: (client: Redis) => void;
  readonly onClose?: () => void;
  /** Called with each error that the server answers. Returns true to cut the connection. */
  readonly onError?: (error: Error) => boolean;
}

/**
 * A frozen server does not notice a close, and calls in flight reject only when the socket is gone, ms. Written data is on its
 * way by then.
 */
const HANG_UP_MS = 20;

/** One client from its dial to its end. Calls in flight at the end reject at once, and nothing is sent twice. */
export function dial(options: DialOptions): { readonly client: Redis; readonly ended: Promise<Ended> } {
  const { address, silenceMs, onReady, onClose, onError = () => false } = options;
  const { url, socket, login } = address;
  const settings = {
    ...(login && { username: login.username, password: HIDDEN_PASSWORD }),
    protocol: 2 as const,
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: () => null,
    disconnectTimeout: HANG_UP_MS,
    reconnectOnError: onError,
    connectTimeout: options.connectMs ?? 5_000,
    connectionName: options.name,
  };
  const client = socket ? new Redis({ ...settings, ...socket }) : new Redis(url, settings);
  if (silenceMs !== undefined) watchSilence(client, silenceMs);
  if (login) client.auth = () => client.sendCommand(new LoginCommand(login)) as Promise<'OK'>;
  const ended = new Promise<Ended>((resolve) => {
    let reason = 'connection closed';
    let refused = false;
    client.on('error', (error) => {
      reason = error.message;
      refused = isRefusal(error);
    });
    // When its SELECT is refused, ioredis goes on in another database than ours.
    client.on('ready', () => (refused ? client.disconnect() : onReady(client)));
    client.on('close', () => onClose?.());
    client.on('end', () => resolve({ reason, refused }));
  });
  return { client, ended };
}

/** A wrong or missing password, or a user that may not run the first commands of every connection. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof (ReplyError as new () => Error) && /^(WRONGPASS|NOAUTH|NOPERM)\b/.test(error.message)
  );
}
