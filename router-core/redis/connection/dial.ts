import { Redis, ReplyError } from 'ioredis';
import { HIDDEN_PASSWORD, LoginCommand, type Address } from './login.ts';
import { watchSilence } from './watch-silence.ts';

/** Why a client ended. */
export interface Ended {
  readonly reason: string;
  /** Redis is there and does not let us in. */
  readonly refused: boolean;
}

export interface DialOptions {
  readonly address: Address;
  readonly name: string;
  /** A server that does not answer for this long is treated as gone, ms; left out, it may be silent for ever. */
  readonly silenceMs: number | undefined;
  readonly connectMs?: number;
  readonly onReady: (client: Redis) => void;
  readonly onClose?: () => void;
  /** Called with each error that the server answers; whether the connection is to be cut for it. */
  readonly onError?: (error: Error) => boolean;
}

/**
 * A server that is frozen never hears that we hang up, and until the socket is gone nothing in flight rejects, ms. Whatever
 * was written is on its way by then.
 */
const HANG_UP_MS = 20;

/** One client from its dial to its end. What is in flight at the end rejects at once, and nothing is sent twice. */
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
    // ioredis goes on when its SELECT is refused, in another database than ours.
    client.on('ready', () => (refused ? client.disconnect() : onReady(client)));
    client.on('close', () => onClose?.());
    client.on('end', () => resolve({ reason, refused }));
  });
  return { client, ended };
}

/** Wrong password, no password, or a user that may not even do what every connection begins with. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof (ReplyError as new () => Error) && /^(WRONGPASS|NOAUTH|NOPERM)\b/.test(error.message)
  );
}
