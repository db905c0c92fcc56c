/**
 * Load for small answers where wrk is not installed. autocannon's own percentiles are whole milliseconds,
 * too coarse for a loopback, so they are taken from every single response here.
 * Usage: autocannon-load.js URL CONNECTIONS SECONDS ['NAME: VALUE']
 */
import autocannon from 'autocannon';
import { percentile, type Load } from '../load.ts';

const [url, connections, seconds, header] = process.argv.slice(2);
if (url === undefined) throw new Error('usage: autocannon-load.js URL CONNECTIONS SECONDS');

const latencies: number[] = [];
const [name, value] = header?.split(': ') ?? [];
const headers = name === undefined || value === undefined ? {} : { [name]: value };
const run = autocannon({ url, headers, connections: Number(connections), duration: Number(seconds) });
run.on('response', (_client, _status, _bytes, ms) => latencies.push(ms));
const result = await run;
latencies.sort((a, b) => a - b);
const load: Load = {
  rate: latencies.length / result.duration,
  units: latencies.length,
  p50Ms: percentile(latencies, 0.5),
  p99Ms: percentile(latencies, 0.99),
  delayP50Ms: null,
  delayP99Ms: null,
  errors: result.errors + result.non2xx,
  errorDetail:
    result.errors + result.non2xx === 0 ? '' : `${result.errors} socket errors, ${result.non2xx} not 2xx`,
};
process.stdout.write(`${JSON.stringify(load)}\n`);
