import { expect, onTestFinished, test } from 'vitest';
import type { PulledRequest } from '../../router-core/exchange/agent-link.ts';
import { ask } from '../support/ask.ts';
import { joinLink, staysSo, type JoinedLink, type LinkWorld } from './joined-link.ts';

const post = { method: 'POST', body: 'x' };

/** Answers whatever comes with its target, until the test ends. */
async function answerForEver({ link, open }: JoinedLink, seen: PulledRequest[] = []): Promise<void> {
  const closing = new AbortController();
  onTestFinished(() => closing.abort());
  while (!closing.signal.aborted) {
    await link.pull(1, (request) => {
      seen.push(request);
      open(request).answer(request.head.target);
    });
  }
}

export function pullingTests(makeWorld: () => Promise<LinkWorld>): void {
  test('who has joined has its slots, and is handed requests as they came', async () => {
    const world = await makeWorld();
    const { grants, next, open } = await joinLink(world, 3);
    expect(grants.at(-1)).toEqual({ slots: 3, state: 'active' });

    const asked = ask(`${world.url}/a%2Fb?c`, { method: 'PUT', body: 'small', headers: { 'x-a': '1' } });
    const request = await next();
    expect(request).toMatchObject({ attempt: 1, bodyFollows: false, mayHaveRun: false, trailers: '' });
    expect(request.head).toMatchObject({ method: 'PUT', target: '/a%2Fb?c', upgrade: '' });
    expect(request.head.fields).toMatch(/^x-a: 1\r$/m);
    expect(String(request.body)).toBe('small');
    expect(request.remainingMs).toBeGreaterThan(1_000);
    open(request).answer('done');
    expect(await asked).toMatchObject({ status: 200, body: 'done' });
  });

  test('a pull hands out as many as it may, and no more than there are slots', async () => {
    const world = await makeWorld();
    const { link, next, open } = await joinLink(world, 3);
    const asked = Array.from({ length: 5 }, (_, i) => ask(`${world.url}/${i}`));
    const pulled: PulledRequest[] = [];
    const sizes: number[] = [];
    while (pulled.length < 3) {
      const before = pulled.length;
      await link.pull(2, (request) => pulled.push(request));
      sizes.push(pulled.length - before);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2);
    const opened = pulled.map(open);
    const fourth = next();
    let isThere = false;
    void fourth.then(() => (isThere = true));
    expect(await staysSo(300, () => !isThere)).toBe(true);

    for (const each of opened) each.answer('done');
    open(await fourth).answer('done');
    open(await next()).answer('done');
    expect((await Promise.all(asked)).map(({ body }) => body)).toEqual(asked.map(() => 'done'));
  });

  test('two that pull are handed each request once', async () => {
    const world = await makeWorld();
    const seen: PulledRequest[] = [];
    for (const slots of [3, 4]) void answerForEver(await joinLink(world, slots), seen);
    const targets = Array.from({ length: 60 }, (_, i) => `/${i}`);
    const answers = await Promise.all(targets.map((target) => ask(world.url + target, post)));
    expect(answers.map(({ body }) => body)).toEqual(targets);
    expect(seen.map(({ head }) => head.target).sort()).toEqual([...targets].sort());
    expect(new Set(seen.map(({ id }) => id)).size).toBe(targets.length);
  });
}
