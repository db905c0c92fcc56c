import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createUpstream } from '../../router-core/agent/upstream/upstream.ts';
import { reportsOf } from '../support/agent-records.ts';
import { ask } from '../support/ask.ts';
import { CERTIFICATE, PRIVATE_KEY } from '../support/certificate.ts';
import { agentProcess, hubHere, redisHere } from '../support/parts.ts';
import { launch } from '../support/processes.ts';
import { uniqueGroup } from '../support/router.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';

const directory = useTemporaryDirectory();

interface AskOptions {
  env?: NodeJS.ProcessEnv;
  flags?: string[];
  /** The upstream lets in only who has a certificate. */
  wantsCertificate?: boolean;
}

/** The hub's answers to two requests for an upstream behind TLS, and how many connections they took. */
async function askTwice({ env = {}, flags = [], wantsCertificate = false }: AskOptions) {
  let connections = 0;
  const asked = wantsCertificate ? { requestCert: true, ca: CERTIFICATE } : {};
  const server = createServer({ cert: CERTIFICATE, key: PRIVATE_KEY, ...asked }, (req, res) => {
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
  const agent = await agentProcess(redis.url, group, `https://${host}`, { name: 'tls', env, flags });
  const answers = [await ask(hub.url, {}), await ask(hub.url, {})];
  const [report] = (await reportsOf(redis.url, group)).values();
  const statuses = answers.map(({ status }) => status);
  return { host, answers, statuses, connections, report, log: agent.stdout };
}

test('an upstream behind TLS whose certificate is trusted is called, over one connection', async () => {
  const trusted = join(directory.path, 'ca.pem');
  await writeFile(trusted, CERTIFICATE);
  const { host, answers, connections } = await askTwice({ env: { NODE_EXTRA_CA_CERTS: trusted } });
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

async function pemFile(name: string, text: string): Promise<string> {
  const file = join(directory.path, name);
  await writeFile(file, text);
  return file;
}

test('--upstream-ca trusts a private authority', async () => {
  const flags = ['--upstream-ca', await pemFile('private.pem', CERTIFICATE)];
  const { statuses, connections } = await askTwice({ flags });
  expect({ statuses, connections }).toEqual({ statuses: [200, 200], connections: 1 });
});

test('--upstream-insecure calls whoever answers, and the log says so loudly', async () => {
  const { statuses, log } = await askTwice({ flags: ['--upstream-insecure'] });
  expect(statuses).toEqual([200, 200]);
  expect(log).toContain('CERTIFICATES OF UPSTREAMS ARE NOT CHECKED');
});

test('an upstream that asks for a certificate gets the one of --upstream-cert, and nothing without it', async () => {
  const ca = await pemFile('private.pem', CERTIFICATE);
  const cert = ['--upstream-cert', ca, '--upstream-key', await pemFile('private.key', PRIVATE_KEY)];
  const known = await askTwice({ flags: ['--upstream-ca', ca, ...cert], wantsCertificate: true });
  expect(known.statuses).toEqual([200, 200]);
  const unknown = await askTwice({ flags: ['--upstream-ca', ca], wantsCertificate: true });
  expect(unknown.statuses.filter((status) => status === 200)).toEqual([]);
});

test.each<[what: string, flags: (ca: string, none: string) => string[], line: string]>([
  ['a certificate without its key', (ca) => ['--upstream-cert', ca], 'go together: one of them is missing'],
  ['a CA that is not looked at', (ca) => ['--upstream-ca', ca, '--upstream-insecure'], 'exclude each other'],
  ['a file that is not there', () => ['--upstream-ca', '/nowhere.pem'], 'cannot be read (ENOENT)'],
  ['a file without a certificate', (_ca, none) => ['--upstream-ca', none], '--upstream-ca: no PEM'],
  [
    'a key that is none',
    (ca, none) => ['--upstream-cert', ca, '--upstream-key', none],
    '--upstream-cert and --upstream-key: no PEM',
  ],
])('an agent with %s is one line on stderr and exit code 2', async (_what, flags, line) => {
  const given = flags(await pemFile('a.pem', CERTIFICATE), await pemFile('none.pem', 'no certificate'));
  const where = ['--redis', 'redis://127.0.0.1:1', '--upstream', 'https://localhost:1'];
  const program = launch('router-core', ['agent', ...where, ...given]);
  expect((await program.ended).code).toBe(2);
  expect(program.stderr.trim().split('\n')).toEqual([expect.stringContaining(line)]);
});

test('upstreams share connections only where every setting of these is the same', () => {
  const tls = { ca: CERTIFICATE, cert: undefined, key: undefined, isInsecure: false };
  const withCertificate = { ...tls, cert: CERTIFICATE, key: PRIVATE_KEY };
  const variants = [undefined, tls, { ...tls, ca: undefined, isInsecure: true }, withCertificate];
  const open = (each: (typeof variants)[number]) => {
    const options = { url: 'https://localhost:1', connectTimeoutMs: 1, healthPath: undefined, slots: 1 };
    const upstream = createUpstream({ ...options, tls: each });
    onTestFinished(() => upstream.close());
    return upstream.pool;
  };
  const pools = variants.map(open);
  expect(new Set(pools).size).toBe(variants.length);
  expect(open({ ...tls })).toBe(pools[1]);
});
