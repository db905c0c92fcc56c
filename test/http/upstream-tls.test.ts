import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { reportsOf } from '../support/agent-records.ts';
import { ask } from '../support/ask.ts';
import { CERTIFICATE, PRIVATE_KEY } from '../support/certificate.ts';
import { agentProcess, hubHere, redisHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';

const directory = useTemporaryDirectory();

/** The hub's answers to two requests for an upstream behind TLS, and how many connections they took. */
async function askTwice(env: NodeJS.ProcessEnv) {
  let connections = 0;
  const server = createServer({ cert: CERTIFICATE, key: PRIVATE_KEY }, (req, res) => {
    res.end(`${req.method} for ${req.headers.host}`);
  });
  server.on('secureConnection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  const redis = await redisHere();
  const group = uniqueGroup();
  const hub = await hubHere(redis.url, group, { queueWaitMs: 500 });
  await agentProcess(redis.url, group, `https://${host}`, { name: 'tls', env });
  const answers = [await ask(hub.url, {}), await ask(hub.url, {})];
  const [report] = (await reportsOf(redis.url, group)).values();
  return { host, answers, connections, report };
}

test('an upstream behind TLS whose certificate is trusted is called, over one connection', async () => {
  const trusted = join(directory.path, 'ca.pem');
  await writeFile(trusted, CERTIFICATE);
  const { host, answers, connections } = await askTwice({ NODE_EXTRA_CA_CERTS: trusted });
  expect(answers.map(({ body }) => body)).toEqual([`GET for ${host}`, `GET for ${host}`]);
  expect(connections).toBe(1);
});

test('an upstream behind TLS whose certificate is not trusted gets no request', async () => {
  const { answers, connections, report } = await askTwice({});
  expect(answers.map(({ status }) => status)).toEqual([503, 503]);
  expect(answers.map(({ headers }) => headers['router-executed'])).toEqual(['no', 'no']);
  expect(report).toMatchObject({ state: 'upstream-down', reason: 'self-signed certificate' });
  expect(connections).toBe(0);
});
