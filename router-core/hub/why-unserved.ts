import type { ProblemCode } from '../http/problems.ts';
import type { Exchange } from './exchange.ts';

export interface Cause {
  readonly code: ProblemCode;
  /** Text for the client: numbers and the name of the group, no internals. */
  readonly detail: string;
}

/**
 * Finds the reason why no agent has taken a request: it was not admitted (the line is `full`, or all slots are `busy` and it may
 * not wait), or it has `waited` for as long as it may. Goes by the last sweep, which may be a second old.
 */
export function whyUnserved(exchange: Exchange, outcome: 'full' | 'busy' | 'waited'): Cause {
  const { context, group, policy, attempts } = exchange;
  const { scope } = exchange.routed;
  const { depth, lastSweep } = context.link.group(group);
  const { instances, capacity } = lastSweep;
  const { slots, taken, limit, permits, ready, upstreamDown, paused, draining } = capacity;
  const name = `group "${group}"`;
  if (instances === 0) return { code: 'no-agent', detail: `No agent of ${name} is running.` };
  if (capacity.isPaused) return { code: 'paused', detail: `The ${name} is paused.` };
  if (attempts.isUnreached && outcome === 'waited') {
    return {
      code: 'upstream-unreachable',
      detail: `An agent of ${name} could not connect to its upstream, and no other took the request within ${waited(policy.waitMs)}.`,
    };
  }
  if (ready === 0 && upstreamDown > 0) {
    return { code: 'upstream-down', detail: `No upstream of ${name} can be reached (${upstreamDown} down).` };
  }
  if (ready === 0 && paused > 0) {
    return { code: 'paused', detail: `Every agent of ${name} is paused (${paused}).` };
  }
  if (ready === 0 && draining > 0) {
    return { code: 'no-agent', detail: `Every agent of ${name} is being stopped (${draining}).` };
  }
  if (outcome === 'full') {
    return {
      code: 'queue-full',
      detail:
        depth === 1 ? `1 request of ${name} waits already.` : `${depth} requests of ${name} wait already.`,
    };
  }
  const isLimit = limit > 0 && permits >= limit && slots > taken;
  if (isLimit && outcome === 'busy') {
    return {
      code: 'limit-reached',
      detail: `The ${name} runs as many requests at once as it may (${limit}), and this one may not wait.`,
    };
  }
  if (isLimit) {
    return {
      code: 'limit-reached',
      detail: `The ${name} ran as many requests at once as it may (${limit}) for ${waited(policy.waitMs)}.`,
    };
  }
  const whose = scope === undefined ? name : `${name} that carries the scope "${scope}"`;
  const busy = `(${Math.min(taken, slots)} of ${slots} busy)`;
  if (outcome === 'busy')
    return {
      code: 'queue-full',
      detail: `No agent of ${whose} has a free slot ${busy}, and this request may not wait.`,
    };
  return {
    code: 'queue-timeout',
    detail: `No agent of ${whose} had a free slot within ${waited(policy.waitMs)} ${busy}.`,
  };
}

function waited(ms: number): string {
  return `${ms / 1_000} s`;
}
