import type { ClientEvent, UpstreamEvent } from '../programs/history.ts';
import { mostAtOnce } from './calls-at-once.ts';
import { readExchanges, type Execution, type Exchange } from './exchanges.ts';
import { checkProcesses, checkRemains, type ProcessRecord, type Remains } from './remains.ts';

/** Everything that was written down about a run of the router. */
export interface Evidence {
  readonly client: readonly ClientEvent[];
  readonly upstream: readonly UpstreamEvent[];
  /** The remains when everything has had its time to end. */
  readonly remains?: Remains;
  readonly processes?: readonly ProcessRecord[];
}

/** Exceptions of a scenario: promises that it makes in addition, or cannot make. */
export interface Rules {
  /** Requests at once at the upstreams; without it I4 is not checked. */
  readonly limit?: number;
  /**
   * While an agent is cut off from Redis for longer than its lease, the upstreams may see one more call than the limit:
   * docs/architecture.md says so. During these times, from and to, I4 is not checked.
   */
  readonly limitMayBreak?: readonly (readonly [number, number])[];
  /** A hub that dies takes up to two thirds of its lease to be missed, and until then its requests may start. */
  readonly startLateMs?: number;
  /** While a hub cannot reach Redis it cannot cancel: what starts during these times is not checked for I6. */
  readonly startsMayBeLate?: readonly (readonly [number, number])[];
  /** Errors that the scenario itself brings about: what the router logs of them is not a mistake. */
  readonly mayLog?: RegExp;
}

export interface Violation {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7';
  readonly what: string;
}

/** How late an outcome may come, and how long after it a call may still begin. */
const LATE_MS = 1_000;

/**
 * Compares what clients saw with what upstreams executed, and finds every broken promise:
 *
 * - I1 each request has one outcome, at the latest a second after its deadline
 * - I2 one that may not be repeated is executed at most once, and never when the client was told that it was not
 * - I3 the body of a 2xx is that of exactly one execution, which got the request's whole body
 * - I4 never more calls at once than the limit
 * - I5 in the end nothing is left of any request, and no process has grown
 * - I6 nothing starts later than a second after its client's end
 * - I7 no process has died by itself or logged what nobody handled
 */
export function checkHistories(evidence: Evidence, rules: Rules = {}): Violation[] {
  const { exchanges, executions, stray } = readExchanges(evidence.client, evidence.upstream);
  return [
    ...stray.map((what): Violation => ({ invariant: 'I1', what })),
    ...exchanges.flatMap(checkOutcome),
    ...exchanges.flatMap(checkExecutedOnce),
    ...exchanges.flatMap(checkBody),
    ...checkLimit(executions, rules),
    ...executions.filter(({ end }) => end === undefined).map(stillRunning),
    ...(evidence.remains ? checkRemains(evidence.remains) : []),
    ...exchanges.flatMap((exchange) => checkStarts(exchange, rules)),
    ...checkProcesses(evidence.processes ?? [], rules.mayLog),
  ];
}

function checkOutcome({ sent, outcomes }: Exchange): Violation[] {
  const [first, ...more] = outcomes;
  if (first === undefined) return [{ invariant: 'I1', what: `${sent.id} has no outcome` }];
  const violations: Violation[] = [];
  if (more.length > 0)
    violations.push({ invariant: 'I1', what: `${sent.id} has ${outcomes.length} outcomes` });
  const lateMs = first.at - sent.at - sent.deadlineMs;
  if (first.how === 'hung' || lateMs > LATE_MS) {
    violations.push({
      invariant: 'I1',
      what: `${sent.id} ended ${Math.round(lateMs)} ms after its deadline`,
    });
  }
  return violations;
}

function checkExecutedOnce({ sent, outcomes, executions }: Exchange): Violation[] {
  if (sent.repeatable) return [];
  const names = executions.map(({ execution, agent }) => `${execution} by ${agent}`).join(', ');
  if (executions.length > 1) {
    return [{ invariant: 'I2', what: `${sent.method} ${sent.id} was executed more than once: ${names}` }];
  }
  const denied = outcomes.some(({ executed }) => executed === 'no') && executions.length > 0;
  return denied
    ? [
        {
          invariant: 'I2',
          what: `${sent.method} ${sent.id} was executed, and its client told that it was not`,
        },
      ]
    : [];
}

function checkBody({ sent, outcomes, executions }: Exchange): Violation[] {
  const answered = outcomes.filter(({ how, status }) => how === 'answered' && status >= 200 && status < 300);
  return answered.flatMap(({ digest, bytes }): Violation[] => {
    const same = executions.filter(({ reply }) => reply === digest);
    const [execution] = same;
    if (execution === undefined || same.length > 1) {
      const among = `${same.length} of ${executions.length} executions`;
      return [{ invariant: 'I3', what: `the ${bytes} bytes that ${sent.id} got are those of ${among}` }];
    }
    return execution.received === sent.digest
      ? []
      : [{ invariant: 'I3', what: `${execution.execution} got another body than ${sent.id} had sent` }];
  });
}

function checkLimit(executions: readonly Execution[], { limit, limitMayBreak }: Rules): Violation[] {
  if (limit === undefined) return [];
  const { running, at } = mostAtOnce(executions, limitMayBreak);
  if (running <= limit) return [];
  return [{ invariant: 'I4', what: `${running} calls at once at ${Math.round(at)}, the limit is ${limit}` }];
}

function stillRunning({ execution, id }: Execution): Violation {
  return { invariant: 'I5', what: `${execution} of ${id} still runs` };
}

function checkStarts(
  { sent, outcomes, executions }: Exchange,
  { startLateMs = LATE_MS, startsMayBeLate = [] }: Rules,
): Violation[] {
  const [outcome] = outcomes;
  if (outcome === undefined) return [];
  // 503 store-lost says itself that the request may run yet: its hub could not reach Redis to cancel it.
  if (outcome.error === 'store-lost') return [];
  return executions.flatMap(({ execution, startAt }): Violation[] => {
    const lateMs = Math.round(startAt - outcome.at);
    const isExcused = startsMayBeLate.some(([from, to]) => startAt >= from && startAt <= to);
    return lateMs > startLateMs && !isExcused
      ? [
          {
            invariant: 'I6',
            what: `${execution} started ${lateMs} ms after ${sent.id} had ended (${outcome.how})`,
          },
        ]
      : [];
  });
}
