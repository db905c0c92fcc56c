import { describe, expect, test } from 'vitest';
import type { ClientEvent, UpstreamEvent } from './programs/history.ts';
import { checkHistories, type Evidence, type Rules } from './support/check-histories.ts';
import type { ProcessRecord, Remains } from './support/remains.ts';

// The checker is an instrument: each invariant has histories that keep it and histories that break it.

type Sent = Partial<Extract<ClientEvent, { event: 'sent' }>>;
type Outcome = Partial<Extract<ClientEvent, { event: 'outcome' }>>;

const sent = (fields: Sent = {}): ClientEvent => ({
  event: 'sent',
  at: 0,
  id: 'c-1',
  method: 'GET',
  repeatable: true,
  deadlineMs: 5_000,
  digest: 'body',
  ...fields,
});
const outcome = (fields: Outcome = {}): ClientEvent => ({
  event: 'outcome',
  at: 100,
  id: 'c-1',
  how: 'answered',
  status: 200,
  error: '',
  executed: '',
  digest: 'reply of e1',
  bytes: 10,
  ...fields,
});
const post = sent({ method: 'POST', repeatable: false });
const failed = (error: string, executed: string) => outcome({ status: 502, error, executed, digest: '' });

interface CallFields {
  id?: string;
  from?: number;
  to?: number;
  how?: 'finished' | 'aborted';
  received?: string;
}

/** All events of one call. */
function call(
  execution: string,
  { id = 'c-1', from = 10, to = 50, how = 'finished', received = 'body' }: CallFields = {},
): UpstreamEvent[] {
  return [
    { event: 'start', at: from, execution, id, agent: 'a', request: '' },
    { event: 'received', at: from, execution, digest: received },
    { event: 'end', at: to, execution, how, digest: how === 'finished' ? `reply of ${execution}` : '' },
  ];
}

function broken(evidence: Partial<Evidence>, rules: Rules = {}): string[] {
  const all = { client: [sent(), outcome()], upstream: call('e1'), ...evidence };
  return checkHistories(all, rules).map(({ invariant }) => invariant);
}

const twice = (first: CallFields, second: CallFields) => ({
  client: [
    sent(),
    outcome(first.how === 'aborted' ? { how: 'left', status: 0 } : {}),
    sent({ id: 'c-2' }),
    outcome({ id: 'c-2', digest: 'reply of e2' }),
  ],
  upstream: [...call('e1', first), ...call('e2', { id: 'c-2', ...second })],
});

describe('I1, one outcome by the deadline', () => {
  test.each<[string, ClientEvent[]]>([
    ['an answer', [sent(), outcome()]],
    ['a broken connection', [sent(), outcome({ how: 'broken', status: 0 })]],
    ['an error half a second after the deadline', [sent(), { ...failed('deadline', 'maybe'), at: 5_500 }]],
  ])('is kept by %s', (_what, client) => expect(broken({ client })).toEqual([]));

  test.each<[string, ClientEvent[]]>([
    ['a request without an outcome', [sent()]],
    ['two outcomes', [sent(), outcome(), failed('agent-lost', 'maybe')]],
    ['an outcome two seconds after the deadline', [sent(), { ...failed('deadline', 'maybe'), at: 7_000 }]],
    ['a client that gave up waiting', [sent(), outcome({ how: 'hung', status: 0 })]],
    ['an id used twice', [sent(), sent(), outcome()]],
    ['an outcome of what was never sent', [sent(), outcome(), outcome({ id: 'c-2', status: 502 })]],
  ])('is broken by %s', (_what, client) => expect(broken({ client })).toEqual(['I1']));

  test('is broken by an execution of what was never sent', () => {
    expect(broken({ upstream: [...call('e1'), ...call('e2', { id: 'ghost' })] })).toEqual(['I1']);
  });
});

describe('I2, at most once', () => {
  const lost = failed('agent-lost', 'maybe');
  test.each<[string, ClientEvent[], UpstreamEvent[]]>([
    ['a POST that ran once', [post, lost], call('e1', { how: 'aborted' })],
    ['a POST that was refused', [post, failed('queue-full', 'no')], []],
    ['a GET that ran twice', [sent(), outcome()], [...call('e2', { how: 'aborted' }), ...call('e1')]],
  ])('is kept by %s', (_what, client, upstream) => expect(broken({ client, upstream })).toEqual([]));

  test.each<[string, ClientEvent[], UpstreamEvent[]]>([
    ['a POST that ran twice', [post, lost], [...call('e1', { how: 'aborted' }), ...call('e2')]],
    ['a POST that ran although its client heard "no"', [post, failed('queue-timeout', 'no')], call('e1')],
  ])('is broken by %s', (_what, client, upstream) => expect(broken({ client, upstream })).toEqual(['I2']));
});

describe('I3, the bytes of one execution', () => {
  test.each<[string, Partial<Evidence>]>([
    ['a short 200', { client: [sent(), outcome({ digest: 'half of e1', bytes: 5 })] }],
    ['a 200 that nobody executed', { upstream: [] }],
    ['the reply of another request', twice({ id: 'c-2' }, { id: 'c-1' })],
    ['a reply to half of the request body', { upstream: call('e1', { received: 'half' }) }],
  ])('is broken by %s', (_what, evidence) => expect(broken(evidence)).toContain('I3'));

  test('says nothing of a broken 200', () => {
    const client = [sent(), outcome({ how: 'broken', digest: 'half of e1' })];
    expect(broken({ client, upstream: call('e1', { how: 'aborted' }) })).toEqual([]);
  });
});

describe('I4, the limit', () => {
  test.each<[string, Parameters<typeof twice>]>([
    [
      'one call after the other',
      [
        { from: 10, to: 50 },
        { from: 50, to: 90 },
      ],
    ],
    [
      'a stopped call that is seen to end a moment late',
      [
        { from: 10, to: 60, how: 'aborted' },
        { from: 50, to: 90 },
      ],
    ],
  ])('is kept by %s', (_what, calls) => expect(broken(twice(...calls), { limit: 1 })).toEqual([]));

  const together = twice({ from: 10, to: 60 }, { from: 50, to: 90 });
  test('is broken by two calls at once where one may run', () => {
    expect(broken(together, { limit: 1 })).toEqual(['I4']);
    expect(broken(together, { limit: 2 })).toEqual([]);
  });
  test('is broken by a call that goes on long after it was stopped', () => {
    expect(broken(twice({ from: 10, to: 400, how: 'aborted' }, { from: 50, to: 90 }), { limit: 1 })).toEqual([
      'I4',
    ]);
  });
  test('may break while an agent is cut off, and only then', () => {
    expect(broken(together, { limit: 1, limitMayBreak: [[40, 60]] })).toEqual([]);
    expect(broken(together, { limit: 1, limitMayBreak: [[60, 90]] })).toEqual(['I4']);
  });
});

describe('I5, nothing left', () => {
  const use = { fds: 30, rss: 60_000_000 };
  const nothing: Remains = {
    permits: [],
    entries: [],
    keys: [],
    consumers: [],
    sizes: [{ name: 'hub', before: use, after: use, mayKeep: 0 }],
  };
  const grown = (after: Partial<typeof use>) => ({
    ...nothing,
    sizes: [{ name: 'hub', before: use, after: { ...use, ...after }, mayKeep: 8 }],
  });

  test('is kept by nothing, and by what a process may keep', () => {
    expect(broken({ remains: nothing })).toEqual([]);
    expect(broken({ remains: grown({ fds: 40 }) })).toEqual([]);
  });
  test.each<[string, Remains]>([
    ['a permit', { ...nothing, permits: ['c-1:1'] }],
    ['a pending entry', { ...nothing, entries: ['lane:0 1-0'] }],
    ['a key of a request', { ...nothing, keys: ['down:c-1:1'] }],
    ['a consumer without instance', { ...nothing, consumers: ['a.1'] }],
    ['open descriptors', grown({ fds: 60 })],
    ['memory', grown({ rss: 600_000_000 })],
  ])('is broken by %s', (_what, remains) => expect(broken({ remains })).toEqual(['I5']));
  test('is broken by a call that still runs', () => {
    const client = [sent(), outcome({ how: 'left', status: 0 })];
    expect(broken({ client, upstream: call('e1').slice(0, 2) })).toEqual(['I5']);
  });
});

describe('I6, nothing starts for nobody', () => {
  const left = outcome({ how: 'left', status: 0, at: 100 });
  const startedAt = (from: number) => call('e1', { from, to: from + 10, how: 'aborted' });
  test.each([
    [900, []],
    [1_200, ['I6']],
  ])('a call that starts at %i, the client having left at 100', (from, invariants) => {
    expect(broken({ client: [sent(), left], upstream: startedAt(from) })).toEqual(invariants);
  });
  test('allows more for a lost hub, and for what says that it may yet run', () => {
    expect(broken({ client: [sent(), left], upstream: startedAt(1_200) }, { startLateMs: 1_500 })).toEqual(
      [],
    );
    expect(
      broken({ client: [sent(), left], upstream: startedAt(1_200) }, { startsMayBeLate: [[1_000, 1_300]] }),
    ).toEqual([]);
    expect(broken({ client: [sent(), failed('store-lost', 'maybe')], upstream: startedAt(9_000) })).toEqual(
      [],
    );
  });
});

describe('I7, no process died or stumbled', () => {
  const hub: ProcessRecord = {
    name: 'hub',
    died: undefined,
    output: '{"level":40,"msg":"Redis is not reachable"}',
  };
  test('is kept by one that runs and warns', () => expect(broken({ processes: [hub] })).toEqual([]));
  test.each<[string, Partial<ProcessRecord>]>([
    ['one that ended by itself', { died: 'with code 1' }],
    ['a rejection that nobody handled', { output: 'UnhandledPromiseRejection: no' }],
    ['an error that nobody caught', { output: 'Uncaught:\nboom' }],
    ['a mistake in the code', { output: 'x\nTypeError: undefined is not a function' }],
    ['a line logged as an error', { output: '{"level":50,"msg":"could not enqueue"}' }],
  ])('is broken by %s', (_what, fields) => {
    expect(broken({ processes: [{ ...hub, ...fields }] })).toEqual(['I7']);
  });
  test('allows what the scenario brings about', () => {
    const processes = [{ ...hub, output: '{"level":50,"msg":"Redis refuses requests"}' }];
    expect(broken({ processes }, { mayLog: /Redis refuses/ })).toEqual([]);
  });
});
