import { z } from 'zod';
import { createToken } from '../../router-core/config/token.ts';
import { freePort } from '../../router-core/runtime/free-port.ts';
import { waitFor200 } from '../ready.ts';
import type { Child } from '../workspace.ts';
import { repositoryFile, type TargetSettings } from './target.ts';

const appliedSchema = z.object({ tokens: z.array(z.object({ name: z.string(), token: z.string() })) });

export interface Applied {
  /** router-api, which goes on: it keeps the logins of agents. It is not on the way of a request. */
  readonly api: Child;
  /** The token of the one app or agent in the document. */
  readonly token: string;
}

/** Starts a router-api and gives it this configuration, which has one app or agent. */
export async function applyConfig(
  settings: TargetSettings,
  redisUrl: string,
  document: object,
): Promise<Applied> {
  const port = await freePort();
  const { token } = createToken('admin', new Date().toISOString());
  const args = ['--redis', redisUrl, '--port', String(port), '--admin-token', token];
  const command = [repositoryFile('bin/router-api'), ...args];
  const api = await settings.workspace.start('api', process.execPath, command);
  const url = `http://127.0.0.1:${port}`;
  await waitFor200(`${url}/ready`, [api]);
  const answer = await fetch(`${url}/v1/config`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(document),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`router-api refuses the configuration: ${answer.status} ${text}`);
  const [made] = appliedSchema.parse(JSON.parse(text)).tokens;
  return { api, token: made?.token ?? '' };
}
