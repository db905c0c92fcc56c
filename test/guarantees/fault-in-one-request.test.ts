import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { FrameStream } from '../../router-core/exchange/frame-stream.ts';
import { BodyProgress } from '../../router-core/hub/body-progress.ts';
import { DeadlineTimer } from '../../router-core/hub/deadline-timer.ts';
import { Exchange } from '../../router-core/hub/exchange.ts';
import { Http1Reply } from '../../router-core/hub/front/http1-reply.ts';
import { Http1Request } from '../../router-core/hub/front/http1-request.ts';
import { SwitchReply } from '../../router-core/hub/front/switch-reply.ts';
import { ReplyProgress } from '../../router-core/hub/reply-progress.ts';
import { RouteCounts } from '../../router-core/hub/request-counts.ts';
import { ServiceRate } from '../../router-core/hub/service-rate.ts';
import { Inbox } from '../../router-core/redis/frames/inbox.ts';
import { GroupQueue } from '../../router-core/redis/hub/group-queue.ts';
import { RedisHubExchange } from '../../router-core/redis/hub/redis-hub-exchange.ts';
import { RedisHubLink } from '../../router-core/redis/hub/redis-hub-link.ts';
import { ask } from '../support/ask.ts';
import { startFaultyHub, type FaultyHub, type Kind } from '../support/faulty-hub.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';

// Whatever throws while a hub handles one request ends that request: its client sees it, all others see nothing.

let redis: TestRedis;
let hub: FaultyHub;
const uncaught: unknown[] = [];
const note = (error: unknown) => uncaught.push(error);
beforeAll(async () => {
  redis = await startRedis();
  hub = await startFaultyHub(redis);
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  process.off('uncaughtException', note);
  process.off('unhandledRejection', note);
  await hub.close();
  await redis.stop();
});

/** A method whose next call throws, or returns a promise that rejects. */
function breakNext(owner: object, method: string, how: 'throws' | 'rejects' = 'throws') {
  const broken = vi.spyOn(owner as Record<string, () => unknown>, method);
  const fault = new Error(`injected into ${method}`);
  broken.mockImplementationOnce(() => {
    if (how === 'throws') throw fault;
    return Promise.reject(fault);
  });
  return broken;
}

type Row = [
  owner: { prototype: object; name: string },
  method: string,
  kind: Kind,
  how?: 'throws' | 'rejects',
];
const STEPS: Row[] = [
  [RedisHubLink, 'nextId', 'small'],
  [RedisHubLink, 'group', 'small'],
  [RedisHubLink, 'open', 'small'],
  [GroupQueue, 'replyKey', 'small'],
  [Inbox, 'open', 'small'],
  [GroupQueue, 'admit', 'small'],
  [GroupQueue, 'admit', 'small', 'rejects'],
  [RedisHubExchange, 'admit', 'small'],
  [RedisHubExchange, 'admit', 'small', 'rejects'],
  [Exchange, 'admitting', 'small'],
  [Exchange, 'reading', 'upload'],
  [Exchange, 'handed', 'upload'],
  [Exchange, 'replying', 'small'],
  [Exchange, 'answered', 'streamed'],
  [Http1Request, 'askForBody', 'chunked'],
  [BodyProgress, 'came', 'chunked'],
  [ReplyProgress, 'begin', 'streamed'],
  [RedisHubExchange, 'openUpload', 'upload'],
  [GroupQueue, 'openStream', 'upload'],
  [FrameStream, 'write', 'upload'],
  [FrameStream, 'end', 'upload'],
  [FrameStream, 'credited', 'large upload'],
  [RouteCounts, 'replied', 'small'],
  [Http1Reply, 'startAndEnd', 'small'],
  [Http1Reply, 'start', 'streamed'],
  [Http1Reply, 'write', 'streamed'],
  [Http1Reply, 'end', 'streamed'],
  [Exchange, 'touch', 'streamed'],
  [DeadlineTimer, 'set', 'small'],
  [DeadlineTimer, 'push', 'streamed'],
  [DeadlineTimer, 'clear', 'small'],
  [FrameStream, 'consume', 'large reply'],
  [RedisHubExchange, 'consumed', 'large reply'],
  [SwitchReply, 'start', 'switch'],
  [SwitchReply, 'write', 'switch'],
  [SwitchReply, 'end', 'switch'],
  [Exchange, 'expire', 'too late'],
  [Exchange, 'fail', 'too late'],
  [RouteCounts, 'failed', 'too late'],
  [GroupQueue, 'cancel', 'too late'],
  [GroupQueue, 'cancel', 'too late', 'rejects'],
  [GroupQueue, 'leave', 'waits too long'],
  [GroupQueue, 'leave', 'waits too long', 'rejects'],
  [Exchange, 'finish', 'small'],
  [Exchange, 'finish', 'streamed'],
  [Inbox, 'close', 'small'],
  [Inbox, 'close', 'streamed'],
  [ServiceRate, 'served', 'small'],
  [GroupQueue, 'forget', 'streamed'],
  [RedisHubExchange, 'close', 'streamed'],
  [RedisHubExchange, 'cancel', 'client leaves'],
  [RouteCounts, 'ended', 'small'],
  [RouteCounts, 'ended', 'streamed'],
  [Exchange, 'finish', 'client leaves'],
  [Inbox, 'close', 'client leaves'],
  [GroupQueue, 'cancel', 'client leaves'],
  [GroupQueue, 'cancel', 'client leaves', 'rejects'],
];

test.each(STEPS.map((row) => [`${row[0].name}.${row[1]}`, row[2], row[3] ?? 'throws', row] as const))(
  '%s of a request (%s) that %s ends this request alone',
  async (_what, kind, how, [owner, method]) => {
    const bystander = await hub.startBystander();
    const faultsBefore = await hub.faults();
    const broken = breakNext(owner.prototype, method, how);
    const victim = await hub.ask(kind);
    await waitFor(async () => (await hub.faults()) > faultsBefore, { what: 'the fault to be counted' });
    expect(broken).toHaveBeenCalled();
    broken.mockRestore();

    // Never a reply that looks whole and is not, never none at all. Whole, when only the books went wrong after it.
    if (victim.outcome === 'answered')
      expect(victim.said).toMatch(/^(502 internal-error|200 whole|50[34] \S+)$/);
    else expect(victim.outcome).toBe('broken');
    const logged = hub.lines.filter(({ msg }) => msg.startsWith('a fault in this hub'));
    expect(JSON.stringify(logged.at(-1))).toContain(`injected into ${method}`);
    expect(JSON.stringify(logged.at(-1))).toContain('fault-in-one-request.test.ts');

    expect(await bystander.finish()).toBe('200 whole');
    expect((await ask(`${hub.url}/small`)).body).toBe('whole');
    await waitFor(async () => (await hub.inProgress()) === 0, { what: 'nothing to be in progress' });
    expect(uncaught).toEqual([]);
  },
);

test('a log that throws ends nothing', async () => {
  const broken = breakNext(hub.log, 'info');
  expect((await ask(`${hub.url}/small`)).body).toBe('whole');
  await waitFor(() => broken.mock.calls.length > 0, { what: 'the access log' });
  expect(uncaught).toEqual([]);
});
