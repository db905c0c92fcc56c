import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Logger } from '../../router-core/runtime/logger.ts';
import { startAsking, type Outcome } from './ask.ts';
import { recordLog } from './config.ts';
import { scrapeSources } from './metrics.ts';
import { waitForInstance } from './parts.ts';
import { launch } from './processes.ts';
import { openRaw, rawRequest, startRawUpstream } from './raw-http.ts';
import type { TestRedis } from './redis.ts';
import { startTestHub, uniqueGroup } from './router.ts';
import { waitFor } from './wait.ts';

/** Ways of a request through a hub. */
export type Kind =
  | 'small'
  | 'upload'
  | 'large upload'
  | 'chunked'
  | 'streamed'
  | 'large reply'
  | 'switch'
  | 'too late'
  | 'waits too long'
  | 'client leaves';

export interface Victim {
  readonly outcome: Outcome['outcome'];
  /** The status, and the code or the body. */
  readonly said: string;
}

export interface FaultyHub {
  readonly url: string;
  readonly log: Logger;
  readonly lines: readonly { readonly msg: string }[];
  readonly faults: () => Promise<number>;
  readonly inProgress: () => Promise<number>;
  /** A request whose reply has begun, and ends when it is told to. */
  readonly startBystander: () => Promise<{ finish: () => Promise<string> }>;
  readonly ask: (kind: Kind) => Promise<Victim>;
  readonly close: () => Promise<void>;
}

const LARGE = 2 * 1024 * 1024;

/**
 * A hub in this process, whose code may be made to throw. Its agent is a process of its own and its upstream bare sockets, so
 * that none of their code is hit.
 */
export async function startFaultyHub(redis: TestRedis): Promise<FaultyHub> {
  const group = uniqueGroup();
  const { log, lines } = recordLog();
  const held: Socket[] = [];
  const upstream = await startRawUpstream((socket, head) => answer(socket, head, held));
  const config = { firstByteTimeoutMs: 600, accessLog: true, drainMs: 300, queueWaitMs: 500 };
  const empty = uniqueGroup();
  const groups = [
    { name: empty, path: '/nobody/*' },
    { name: group, path: '/*' },
  ];
  const hub = await startTestHub(redis.url, '', { groups, ...config }, log);
  const where = ['--redis', redis.url, '--group', group, '--upstream', upstream.url, '--name', 'a'];
  const agent = launch('router-core', ['agent', ...where, '--concurrency', '8', '--log-level', 'warn']);
  await waitForInstance(redis.url, group, 'a');

  const sum = async (name: string) => (await scrapeSources(hub.metrics)).sum(name) ?? 0;
  return {
    url: hub.url,
    log,
    lines,
    faults: () => sum('mini_router_hub_faults_total'),
    inProgress: () => sum('mini_router_hub_requests_in_progress'),
    async startBystander() {
      const asked = startAsking(`${hub.url}/held`);
      await asked.received('who');
      onTestFinished(() => asked.disconnect());
      return {
        finish: async () => {
          held.shift()?.write('le');
          const { status, body } = await asked.outcome;
          return `${status} ${body}`;
        },
      };
    },
    ask: (kind) => askFor(kind, hub.url, hub.port),
    async close() {
      await hub.close();
      await agent.kill('SIGKILL');
      await upstream.close();
    },
  };
}

function answer(socket: Socket, head: string, held: Socket[]): void {
  const [, path = ''] = head.split(' ');
  const whole = rawRequest(['HTTP/1.1 200 OK', 'Content-Length: 5'], 'whole');
  if (path === '/small') socket.write(whole);
  else if (path === '/upload') setTimeout(() => socket.write(whole), 300);
  else if (path === '/held') {
    socket.write(rawRequest(['HTTP/1.1 200 OK', 'Content-Length: 5'], 'who'));
    held.push(socket);
  } else if (path === '/streamed') {
    socket.write(rawRequest(['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked']));
    setTimeout(() => socket.write('3\r\nwho\r\n'), 60);
    setTimeout(() => socket.write('2\r\nle\r\n0\r\n\r\n'), 120);
  } else if (path === '/large') {
    socket.write(rawRequest(['HTTP/1.1 200 OK', `Content-Length: ${LARGE}`]));
    socket.write(Buffer.alloc(LARGE, 'x'));
  } else if (path === '/switch') {
    socket.write(rawRequest(['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: odd']));
    setTimeout(() => socket.write('first'), 60);
    setTimeout(() => socket.end(), 120);
  }
}

async function askFor(kind: Kind, url: string, port: number): Promise<Victim> {
  if (kind === 'switch') return askToSwitch(port);
  const asked = startAsking(`${url}${pathOf(kind)}`, optionsOf(kind));
  if (kind === 'client leaves') {
    await asked.received('who');
    asked.disconnect();
    return { outcome: 'broken', said: '' };
  }
  const { outcome, status, headers, body } = await asked.outcome;
  const whole = body.length === LARGE ? 'whole' : body;
  return { outcome, said: `${status} ${String(headers['router-error'] ?? whole)}` };
}

function pathOf(kind: Kind): string {
  if (kind.endsWith('upload') || kind === 'chunked') return '/upload';
  if (kind === 'streamed' || kind === 'client leaves') return '/streamed';
  if (kind === 'large reply') return '/large';
  if (kind === 'too late') return '/silent';
  return kind === 'waits too long' ? '/nobody/x' : '/small';
}

function optionsOf(kind: Kind): Parameters<typeof startAsking>[1] {
  const body = 'x'.repeat(kind === 'upload' ? 200_000 : LARGE);
  if (kind.endsWith('upload'))
    return { method: 'POST', body, headers: { 'content-length': String(body.length) } };
  if (kind === 'chunked')
    return { method: 'POST', body: 'some', headers: { 'transfer-encoding': 'chunked' } };
  return {};
}

async function askToSwitch(port: number): Promise<Victim> {
  const client = await openRaw(port);
  client.write(rawRequest(['GET /switch HTTP/1.1', 'Host: h', 'Connection: Upgrade', 'Upgrade: odd']));
  let over = false;
  void client.ended.then(() => (over = true));
  await waitFor(() => over, { what: 'the connection to end' });
  client.close();
  const text = client.received();
  const [, code = ''] = /^Router-Error: (.*)\r$/m.exec(text) ?? [];
  if (code === '') return { outcome: 'broken', said: text };
  return { outcome: 'answered', said: `${text.slice(9, 12)} ${code}` };
}
