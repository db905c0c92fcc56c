/**
 * Clients that follow a plan and write down every outcome. SIGTERM: no new requests, and the end when the last outcome
 * is there. Usage: client.js HISTORY PLAN
 */
import { Agent as ConnectionPool } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { sendRequest } from './client-request.ts';
import { openHistory } from './history.ts';
import { targetOf, type Amount, type ClientPlan, type RequestPlan } from './plan.ts';
import { createRandom, pickOne } from '../../support/random.ts';

const [file = '', planText = ''] = process.argv.slice(2);
const plan = JSON.parse(planText) as ClientPlan;
const note = openHistory(file);
const random = createRandom(plan.seed);
const pool = plan.keepAlive ? new ConnectionPool({ keepAlive: true }) : undefined;
// By weight: a kind with weight 3 is in here three times.
const kinds = plan.requests.flatMap((kind) => Array<RequestPlan>(kind.weight ?? 1).fill(kind));

let stopped = false;
let next = 0;
process.on('SIGTERM', () => (stopped = true));

function amount(wanted: Amount): number {
  if (typeof wanted === 'number') return wanted;
  const [from, to] = wanted;
  return from + random() * (to - from);
}

/** Resolves with the status. */
async function sendOne(n: number): Promise<number> {
  const kind = pickOne(kinds, random);
  const id = `${plan.name}-${n}`;
  const target = targetOf(kind.path ?? '/r', {
    id,
    workMs: amount(kind.workMs ?? 0),
    replyBytes: amount(kind.replyBytes ?? 0),
    replyMs: amount(kind.replyMs ?? 0),
  });
  return sendRequest({
    id,
    url: `${pickOne(plan.hubs, random)}${target}`,
    method: kind.method,
    deadlineMs: plan.deadlineMs,
    body: Buffer.alloc(Math.round(amount(kind.bodyBytes ?? 0)), `${id} `),
    bodyMs: amount(kind.bodyMs ?? 0),
    readBytesPerS: kind.readBytesPerS,
    leaveAfterMs: kind.leaveAfterMs === undefined ? undefined : amount(kind.leaveAfterMs),
    pool,
    note,
  });
}

async function keepSending(): Promise<void> {
  while (!stopped && next < (plan.count ?? Infinity)) {
    const status = await sendOne(next++);
    // A hub that is away refuses at once: a client that asks again at once would only take the machine's time.
    if (status === 0 || status === 503) await delay(20);
  }
}

await Promise.all(Array.from({ length: plan.concurrency }, keepSending));
process.exit(0);
