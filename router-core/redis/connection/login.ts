import { Command } from 'ioredis';
import { socketOf, type UnixSocket } from '../../runtime/store-url.ts';
import { loginOfToken } from './agent-user.ts';
import { encodeCommand } from './run-script.ts';

export interface Login {
  /** Empty: the default user. */
  readonly username: string;
  readonly password: string;
}

export interface Address {
  /** Without user and password. */
  readonly url: string;
  /** Used instead of the URL when the URL names a socket. */
  readonly socket: UnixSocket | undefined;
  readonly login: Login | undefined;
}

/** The address and the login: an agent's token takes precedence over the user and password in the URL. */
export function addressOf({ url, token }: { url: string; token?: string | undefined }): Address {
  const bare = new URL(url);
  const { searchParams } = bare;
  // ioredis prefers the URL to its options, and takes any option from the query.
  const username = decodeURIComponent(bare.username) || (searchParams.get('username') ?? '');
  const password = decodeURIComponent(bare.password) || (searchParams.get('password') ?? '');
  bare.username = bare.password = '';
  for (const name of ['username', 'password']) searchParams.delete(name);
  const inUrl = username === '' && password === '' ? undefined : { username, password };
  const login = token === undefined ? inUrl : loginOfToken(token);
  return { url: bare.href, socket: socketOf(url), login };
}

/** Takes the place of the password that ioredis would keep and print. */
export const HIDDEN_PASSWORD = '(hidden)';

/**
 * AUTH without the password among its arguments: ioredis prints arguments when DEBUG names it, as `DEBUG=*` does, and attaches
 * them to the error of a command that fails.
 */
export class LoginCommand extends Command {
  readonly #encoded: Buffer;

  constructor({ username, password }: Login) {
    super('auth', [username, HIDDEN_PASSWORD], { replyEncoding: 'utf8' });
    this.#encoded = encodeCommand('auth', username === '' ? [password] : [username, password]);
  }

  override toWritable(): Buffer {
    return this.#encoded;
  }
}
