import { CommandError } from '../../runtime/run-command.ts';

/** Every Redis user whose name begins so is an agent's token. */
export const AGENT_USER_PREFIX = 'mr_agent_';

const TOKEN = /^(mr_agent_[0-9A-Za-z]+)_[0-9A-Za-z]+_[0-9A-Za-z]+$/;

export function agentUser(tokenId: string): string {
  return `${AGENT_USER_PREFIX}${tokenId}`;
}

/** A token is a login: its beginning is the name, the whole of it the password. */
export function loginOfToken(token: string): { username: string; password: string } {
  const username = TOKEN.exec(token)?.[1];
  // Never repeated in a message.
  if (username === undefined) throw new CommandError('not an agent token: mr_agent_<id>_<secret>_<checksum>');
  return { username, password: token };
}
