import { describe, expect, test } from 'vitest';
import { parseCpuTotals } from '../bench/disturbance.ts';
import { parseWrk, parseWrkTime } from '../bench/parse-wrk.ts';
import { parseStat, parseStatusKb } from '../bench/process-stats.ts';
import { ReplyReader } from '../bench/reply-reader.ts';
import type { Reply } from '../bench/reply-reader.ts';
import { median } from '../bench/summarize.ts';

const clean = `Running 3s test @ http://127.0.0.1:7002/small
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.12ms    1.29ms  33.90ms   95.87%
    Req/Sec    34.37k     4.82k   42.19k    70.00%
  Latency Distribution
     50%    0.88ms
     75%    1.13ms
     90%    1.49ms
     99%    2.21ms
  102548 requests in 3.00s, 20.83MB read
Requests/sec:  34174.64
Transfer/sec:      6.94MB
`;

const withErrors = clean.replace(
  'Requests/sec:',
  `  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 50000
Requests/sec:`,
);

describe('the output of wrk', () => {
  test('gives rate, requests and percentiles', () => {
    expect(parseWrk(clean)).toMatchObject({
      rate: 34_174.64,
      units: 102_548,
      p50Ms: 0.88,
      p99Ms: 2.21,
      errors: 0,
      errorDetail: '',
    });
  });

  test('counts every kind of error', () => {
    const load = parseWrk(withErrors);
    expect(load.errors).toBe(54_321);
    expect(load.errorDetail).toContain('timeout 4000');
    expect(load.errorDetail).toContain('responses: 50000');
  });

  test('is refused when a figure is missing, rather than read as zero', () => {
    expect(() => parseWrk('unable to connect to 127.0.0.1:1 Connection refused')).toThrow(
      /unexpected output/,
    );
    expect(() => parseWrk(clean.replace(/ {5}99%.*\n/, ''))).toThrow(/99%/);
  });

  test.each([
    ['588.00us', 0.588],
    ['1.60ms', 1.6],
    ['2.10s', 2_100],
    ['1.50m', 90_000],
  ])('%s is %f ms', (text, ms) => {
    expect(parseWrkTime(text)).toBeCloseTo(ms, 6);
  });

  test('knows no other units of time', () => {
    expect(() => parseWrkTime('1.6')).toThrow(/not a time/);
    expect(() => parseWrkTime('nan')).toThrow(/not a time/);
  });
});

describe('/proc/<pid>/stat', () => {
  const rest =
    'S 4210 4242 4242 0 -1 4194304 5000 0 3 0 1234 567 30 4 20 0 11 0 99999 1000000 2500 184467 1 1 0 0 0 0';

  test('gives the parent and user plus system time', () => {
    expect(parseStat(`4242 (node) ${rest}\n`)).toEqual({
      pid: 4242,
      parent: 4210,
      ticks: 1801,
      endedChildrenTicks: 34,
    });
  });

  test('may have spaces and parentheses in the name of the command', () => {
    expect(parseStat(`4242 (nginx: (worker) 1 2) ${rest}`)).toMatchObject({ parent: 4210, ticks: 1801 });
  });

  test('of a process that has gone is empty', () => {
    expect(parseStat('')).toBeUndefined();
    expect(parseStat('4242 (node) S 1')).toBeUndefined();
  });
});

test('/proc/<pid>/status gives peak and present memory', () => {
  const status =
    'Name:\tnode\nVmPeak:\t 1000000 kB\nVmHWM:\t  136204 kB\nVmRSS:\t   90112 kB\nThreads:\t11\n';
  expect(parseStatusKb(status, 'VmHWM')).toBe(136_204);
  expect(parseStatusKb(status, 'VmRSS')).toBe(90_112);
  expect(parseStatusKb(status, 'VmSwap')).toBeUndefined();
});

test('/proc/stat gives the busy time of all CPUs, without idle, waiting and stolen time', () => {
  const text = 'cpu  100 20 30 4000 5 6 7 8 0 0\ncpu0 50 10 15 2000 2 3 3 4 0 0\nintr 1 2 3\n';
  expect(parseCpuTotals(text)).toEqual({ all: 4176, busy: 163, stolen: 8 });
  expect(parseCpuTotals('intr 1 2 3')).toBeUndefined();
});

describe('a reply on a raw socket', () => {
  const replies: [string, string][] = [
    ['with Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world'],
    [
      'in chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n',
    ],
  ];

  test.each(replies)('%s is counted, however it is cut into pieces', (_kind, text) => {
    for (let size = 1; size <= text.length; size += 1) {
      const ended: Reply[] = [];
      const reader = new ReplyReader((reply) => ended.push(reply));
      for (let at = 0; at < text.length; at += size) reader.take(Buffer.from(text.slice(at, at + size)));
      expect(ended).toEqual([{ status: 200, bodyBytes: 11, bodyStart: 'hello world' }]);
    }
  });

  test('without a body ends at its head', () => {
    const ended: Reply[] = [];
    new ReplyReader((reply) => ended.push(reply)).take(
      Buffer.from('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'),
    );
    expect(ended).toEqual([{ status: 503, bodyBytes: 0, bodyStart: '' }]);
  });
});

test('medians leave out what was not measured', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([null, 7, Number.NaN])).toBe(7);
  expect(median([null])).toBeNull();
});
