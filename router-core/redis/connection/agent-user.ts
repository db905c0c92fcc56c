import { CommandError } from '../../runtime/run-command.ts';

/** The prefix of every Redis user that belongs to an agent's token. */
export const AGENT_USER_PREFIX = 'mr_agent_';

const TOKEN = /^(mr_agent_[0-9A-Za-z]+)_[0-9A-Za-z]+_[0-9A-Za-z]+$/;

export function agentUser(tokenId: string): string {
  return `${AGENT_USER_PREFIX}${tokenId}`;
}

/** A token is a login: its beginning is the user name, the whole token is the password. */
export function loginOfToken(token: string): { username: string; password: string } {
  const username = TOKEN.exec(token)?.[1];
  // The message never repeats the token.
  if (username === undefined) throw new CommandError('not an agent token: mr_agent_<id>_<secret>_<checksum>');
  return { username, password: token };
}
