/**
 * Reads many event streams at once, twice: first on new connections, then on kept ones.
 * Usage: sse-client.js URL STREAMS EVENTS   (the URL must ask the upstream for EVENTS events)
 */
import { Agent, get, type IncomingMessage } from 'node:http';
import { percentile, type Load } from '../load.ts';

const [url, streams, events] = process.argv.slice(2);
if (url === undefined) throw new Error('usage: sse-client.js URL STREAMS EVENTS');
const expected = Number(events);
const agent = new Agent({ keepAlive: true, maxSockets: Number(streams) });

const firstMs: number[] = [];
const delayMs: number[] = [];
const failures: string[] = [];

const nowNs = () => process.hrtime.bigint();
const msSince = (ns: bigint) => Number(nowNs() - ns) / 1e6;

function readEvents(response: IncomingMessage, startedNs: bigint, done: (failure?: string) => void): void {
  let received = 0;
  let rest = '';
  response.setEncoding('latin1');
  response.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const writtenNs = /"t":(\d+)/.exec(line)?.[1];
      if (writtenNs === undefined) continue;
      if (received === 0) firstMs.push(msSince(startedNs));
      received += 1;
      delayMs.push(msSince(BigInt(writtenNs)));
    }
  });
  response.on('error', (error) => done(error.message));
  response.on('end', () => {
    done(received === expected ? undefined : `${received} of ${expected} events came`);
  });
}

function readStream(from: string): Promise<void> {
  return new Promise((resolve) => {
    const startedNs = nowNs();
    const done = (failure?: string) => {
      if (failure !== undefined) failures.push(failure);
      resolve();
    };
    const request = get(from, { agent }, (response) => {
      if (response.statusCode === 200) return readEvents(response, startedNs, done);
      response.resume();
      done(`status ${response.statusCode}`);
    });
    request.on('error', (error) => done(error.message));
  });
}

const startedNs = nowNs();
for (let wave = 0; wave < 2; wave += 1) {
  await Promise.all(Array.from({ length: Number(streams) }, () => readStream(url)));
}
const seconds = msSince(startedNs) / 1e3;
agent.destroy();
firstMs.sort((a, b) => a - b);
delayMs.sort((a, b) => a - b);
const load: Load = {
  rate: delayMs.length / seconds,
  units: delayMs.length,
  p50Ms: percentile(firstMs, 0.5),
  p99Ms: percentile(firstMs, 0.99),
  delayP50Ms: percentile(delayMs, 0.5),
  delayP99Ms: percentile(delayMs, 0.99),
  errors: failures.length,
  errorDetail: failures[0] ?? '',
};
process.stdout.write(`${JSON.stringify(load)}\n`);
