/** Waiting for a just started server. */
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from './workspace.ts';

function status(url: string, headers: Record<string, string>): Promise<number | string> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 2_000, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once('timeout', () => request.destroy(new Error('no answer within 2 s')));
    request.once('error', (error) => resolve(error.message));
  });
}

interface WaitOptions {
  readonly withinMs?: number;
  /** `Name: value`. */
  readonly header?: string | undefined;
}

/** Polls until `url` answers 200. Rejects when one of `children` ends or `withinMs` has passed. */
export async function waitFor200(
  url: string,
  children: readonly Child[],
  { withinMs = 15_000, header }: WaitOptions = {},
): Promise<void> {
  const [name, value] = header?.split(': ') ?? [];
  const headers = name === undefined || value === undefined ? {} : { [name]: value };
  const until = Date.now() + withinMs;
  let last: number | string = 'nothing tried';
  while (Date.now() < until) {
    const dead = children.find((child) => child.ended() !== undefined);
    if (dead) throw new Error(`${dead.name} ${dead.ended()}\n${dead.output()}`);
    last = await status(url, headers);
    if (last === 200) return;
    await sleep(30);
  }
  const said = children.map((child) => `--- ${child.name}\n${child.output()}`).join('\n');
  throw new Error(`no 200 from ${url} within ${withinMs / 1000} s, the last try gave ${last}\n${said}`);
}
