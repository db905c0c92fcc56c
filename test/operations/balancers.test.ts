import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile as read, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent as TlsPool } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { findProgram } from '../../router-core/runtime/find-program.ts';
import { readFile } from '../docs/markdown.ts';
import { ask, startAsking } from '../support/ask.ts';
import { linkHere } from '../link/support/link-here.ts';
import { agentHere, hubHere, redisHere, upstreamHere } from '../support/parts.ts';
import { freePort } from '../support/ports.ts';
import { launch } from '../support/processes.ts';
import { uniqueGroup } from '../support/router.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';
import { waitFor } from '../support/wait.ts';

// haproxy.cfg and nginx.conf of deploy/, by the programs themselves, where they are on PATH.

const run = promisify(execFile);
const folder = useTemporaryDirectory();

/** Writes what the program is started with; returns its arguments. */
const BALANCERS = {
  haproxy: {
    file: 'haproxy.cfg',
    check: (config: string) => ['-c', '-f', config],
    serve: (config: string) => ['-f', config],
    isFine: /^Configuration file is valid\s*$/,
  },
  nginx: {
    file: 'nginx.conf',
    check: (config: string) => ['-t', '-c', config, '-p', folder.path],
    serve: (config: string) => ['-c', config, '-p', folder.path, '-g', 'daemon off;'],
    isFine: /^(?!.*warn)[\s\S]*syntax is ok/,
  },
} as const;
type Name = keyof typeof BALANCERS;
const names = (Object.keys(BALANCERS) as Name[]).filter(
  (name) => findProgram(name) !== undefined && findProgram('openssl') !== undefined,
);

/** The file of deploy/ with a certificate, a port of this machine, and this hub in place of the first of three. */
async function configure(name: Name, hub: string): Promise<{ config: string; url: string; ca: Buffer }> {
  const here = folder.path;
  const made = ['-keyout', join(here, 'key'), '-out', join(here, 'crt')];
  const subject = ['-subj', '/CN=router', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  await run('openssl', ['req', ...kind, ...subject, ...made]);
  const ca = await read(join(here, 'crt'));
  await writeFile(join(here, 'router.pem'), Buffer.concat([ca, await read(join(here, 'key'))]));

  const at = `127.0.0.1:${await freePort()}`;
  const nobody = `127.0.0.1:${await freePort()}`;
  const text = readFile(`deploy/${BALANCERS[name].file}`)
    .replaceAll('/etc/mini-router', here)
    .replaceAll('10.77.0.2:443', at)
    .replaceAll('10.77.0.11:8080', hub)
    .replaceAll(/10\.77\.0\.1[23]:8080/g, nobody);
  const config = join(here, 'config');
  // The file of nginx is a part of a whole.
  const whole = `pid ${here}/pid; error_log stderr; events {} http { access_log off; include ${config}.part; }`;
  if (name === 'nginx') await writeFile(`${config}.part`, text);
  await writeFile(config, name === 'nginx' ? whole : text);
  return { config, url: `https://${at}`, ca };
}

test.skipIf(names.length === 0).each(names)('%s accepts its file without a warning', async (name) => {
  const { config } = await configure(name, '127.0.0.1:1');
  const { stdout, stderr } = await run(name, BALANCERS[name].check(config));
  expect(`${stdout}${stderr}`).toMatch(BALANCERS[name].isFine);
});

test.skipIf(names.length === 0).each(names)(
  '%s passes a stream on as it comes, says who asks, and keeps the hubs to itself',
  async (name) => {
    const redis = await redisHere();
    const group = uniqueGroup();
    let seen: IncomingHttpHeaders = {};
    let finish = () => {};
    const upstream = await upstreamHere((req, res) => {
      seen = req.headers;
      res.write('first');
      finish = () => res.end(' last');
    });
    const hub = await hubHere(redis.url, group);
    await agentHere(redis.url, group, upstream.url);
    const { config, url, ca } = await configure(name, new URL(hub.url).host);
    await serve(name, config);
    const pool = new TlsPool({ ca });
    onTestFinished(() => pool.destroy());
    await waitFor(async () => (await ask(`${url}/_router/ready`, { pool })).status === 404, {
      what: `${name} to listen, and not to pass that on`,
    });

    const headers = { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-host': 'elsewhere' };
    const asked = startAsking(url, { pool, headers });
    await asked.received('first');
    finish();

    expect(await asked.outcome).toMatchObject({ outcome: 'answered', status: 200, body: 'first last' });
    expect(seen).toMatchObject({
      'x-forwarded-for': '127.0.0.1, 127.0.0.1',
      'x-forwarded-host': new URL(url).host,
      'x-forwarded-proto': 'https',
      host: new URL(upstream.url).host,
    });
  },
);

test.skipIf(names.length === 0).each(names)(
  '%s lets an agent dial a hub, and serve through it',
  async (name) => {
    const { hub, token } = await linkHere();
    const upstream = await upstreamHere((_req, res) => res.end('linked'));
    const { config, url } = await configure(name, new URL(hub.url).host);
    await serve(name, config);
    const flags = ['--hub', url, '--hub-ca', join(folder.path, 'crt'), '--upstream', upstream.url];
    const agent = launch('router-core', ['agent', ...flags], { env: { ROUTER_AGENT_TOKEN: token } });
    onTestFinished(() => agent.kill('SIGKILL'));
    await agent.waitForLine('"linked to a hub"');
    expect(await ask(hub.url)).toMatchObject({ status: 200, body: 'linked' });
  },
);

async function serve(name: Name, config: string): Promise<void> {
  const child = spawn(name, BALANCERS[name].serve(config), { stdio: 'ignore' });
  await once(child, 'spawn');
  onTestFinished(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  });
}
