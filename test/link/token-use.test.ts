import { expect, test } from 'vitest';
import { apiHere } from '../support/api.ts';
import { configuredHub } from '../support/config.ts';
import { redisHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { linkedAgent } from './support/scripted-agent.ts';

test('the token of a linked agent counts as used', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  const token = await api.create('agent', { name: 'gpu', group: 'default' });
  const hub = await configuredHub(redis.url);
  await linkedAgent(hub.url, token);
  const lastUsed = async () => {
    const { tokens } = (await api.get('/v1/agents/gpu')).body as { tokens: { lastUsedAt: string | null }[] };
    return tokens[0]?.lastUsedAt;
  };
  const at = await waitFor(lastUsed, { timeoutMs: 15_000, what: 'the use to be noted' });
  expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(15_000);
});
