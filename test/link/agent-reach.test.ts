import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { websocketAgentPorts } from '../../router-core/websocket/agent/websocket-agent-ports.ts';
import { CERTIFICATE } from '../support/certificate.ts';
import { newToken, recordLog } from '../support/config.ts';
import { connectProxy } from './support/connect-proxy.ts';
import { agentOf, scriptedHub, type ScriptedHubOptions } from './support/scripted-hub.ts';

/** Repeats are logged at a lower level. */
const LOG_WARN = 40;

const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'];

function setVariables(values: Record<string, string>): void {
  for (const name of PROXY_VARIABLES) {
    vi.stubEnv(name, '');
    vi.stubEnv(name.toUpperCase(), values[name.toUpperCase()] ?? '');
  }
}

beforeEach(() => setVariables({}));
afterEach(() => vi.unstubAllEnvs());

const identity = { record: 'gpu', group: 'g', scopes: ['a'], concurrency: 4, tokenId: 'id' };

/** Says what a token is for, and keeps what it was asked. */
function telling(answers: object[], asked: (string | undefined)[] = []): ScriptedHubOptions {
  return {
    onRequest: ({ url, headers }, response) => {
      asked.push(url, headers.authorization);
      response.end(JSON.stringify(answers.length > 1 ? answers.shift() : answers[0]));
    },
  };
}

function identitySourceOf(url: string, onRevoked = () => undefined) {
  const { token } = newToken('agent');
  const { identitySource } = websocketAgentPorts({ hubs: [url], token, onRevoked, log: recordLog().log });
  if (!identitySource) throw new Error('there is none');
  return { identitySource, token };
}

test('a hub behind a base path is dialled there', async () => {
  const asked: (string | undefined)[] = [];
  const hub = await scriptedHub(telling([identity], asked));
  const base = `${hub.url}/router/`;
  const { identitySource, token } = identitySourceOf(base);
  expect(await identitySource.identify(new AbortController().signal)).toEqual(identity);
  expect(asked).toEqual(['/router/_router/agent', `Bearer ${token}`]);
  await agentOf([{ url: base }]);
  expect((await hub.nextLink()).request.url).toBe('/router/_router/link');
});

test('who waits for a move is told when the record has another group', async () => {
  const hub = await scriptedHub(telling([identity, identity, { ...identity, group: 'other' }]));
  const { identitySource } = identitySourceOf(hub.url);
  expect(await identitySource.whenMoved('g', new AbortController().signal)).toBe(true);
  expect(await identitySource.whenMoved('other', AbortSignal.timeout(50))).toBe(false);
});

test('a token that has ended is said once it is known, and nothing is asked any more', async () => {
  const hub = await scriptedHub({
    onRequest: (_request, response) => response.writeHead(401).end('{"code":"token-ended"}'),
  });
  let revoked = 0;
  const { identitySource } = identitySourceOf(hub.url, () => void (revoked += 1));
  expect(await identitySource.identify(new AbortController().signal)).toBeUndefined();
  expect(revoked).toBe(1);
});

test('a hub with TLS is trusted when its certificate is among those of --hub-ca, and only then', async () => {
  const hub = await scriptedHub({ isTls: true });
  const joining = agentOf([hub], 1);
  const first = await Promise.race([joining, new Promise((resolve) => setTimeout(resolve, 500, 'no'))]);
  expect(first).toBe('no');
  expect(hub.links).toEqual([]);
  await agentOf([hub], 1, CERTIFICATE);
  expect(hub.links).toHaveLength(1);
});

test('https:// to a hub that speaks no TLS is said in words, not in those of OpenSSL', async () => {
  const hub = await scriptedHub();
  const { log, lines } = recordLog();
  const { identitySource } = websocketAgentPorts({
    hubs: [hub.url.replace('http:', 'https:')],
    token: newToken('agent').token,
    onRevoked: () => undefined,
    log,
  });
  await identitySource?.identify(AbortSignal.timeout(500));
  expect(lines.filter(({ level }) => level === LOG_WARN)).toMatchObject([
    {
      msg: 'a hub cannot be asked, trying again',
      reason: expect.stringMatching(/^no TLS is spoken there/) as string,
    },
  ]);
});

test.each([
  ['HTTP_PROXY', false],
  ['HTTPS_PROXY', true],
])('with %s, hubs are reached through the proxy', async (variable, isTls) => {
  const proxy = await connectProxy();
  const hub = await scriptedHub({ isTls, ...telling([identity]) });
  setVariables({ [variable]: proxy.url });
  await agentOf([hub], 1, CERTIFICATE);
  const auth = `Basic ${Buffer.from('user:word').toString('base64')}`;
  expect(proxy.tunnels).toEqual([`127.0.0.1:${hub.port} ${auth}`]);
  const { identitySource } = websocketAgentPorts({
    hubs: [hub.url],
    token: newToken('agent').token,
    ca: CERTIFICATE,
    onRevoked: () => undefined,
    log: recordLog().log,
  });
  expect(await identitySource?.identify(new AbortController().signal)).toEqual(identity);
  expect(proxy.tunnels).toHaveLength(2);
});

test('hosts of NO_PROXY are reached without the proxy', async () => {
  const proxy = await connectProxy();
  const hub = await scriptedHub();
  setVariables({ HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' });
  await agentOf([hub], 1);
  expect(proxy.tunnels).toEqual([]);
});
