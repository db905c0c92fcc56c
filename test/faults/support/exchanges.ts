import type { ClientEvent, UpstreamEvent } from '../programs/history.ts';

type Sent = Extract<ClientEvent, { event: 'sent' }>;
export type Outcome = Extract<ClientEvent, { event: 'outcome' }>;

/** One call of an upstream. */
export interface Execution {
  readonly execution: string;
  readonly id: string;
  readonly agent: string;
  readonly startAt: number;
  /** Digests of the request's body and of the reply's, when they were whole. */
  received?: string;
  reply?: string;
  /** Missing while it runs. */
  end?: { readonly at: number; readonly how: 'finished' | 'aborted' | 'died' };
}

/** One request with everything that became of it, on both sides. */
export interface Exchange {
  readonly sent: Sent;
  readonly outcomes: Outcome[];
  readonly executions: Execution[];
}

/** Puts the two histories together. `stray`: what belongs to no request, or to two. */
export function readExchanges(
  client: readonly ClientEvent[],
  upstream: readonly UpstreamEvent[],
): { exchanges: Exchange[]; executions: Execution[]; stray: string[] } {
  const executions = readExecutions(upstream);
  const byId = new Map<string, Exchange>();
  const stray: string[] = [];
  for (const event of client) {
    const known = byId.get(event.id);
    if (event.event === 'outcome') {
      if (known) known.outcomes.push(event);
      else stray.push(`${event.id} has an outcome and was never sent`);
    } else if (known) stray.push(`${event.id} was sent twice`);
    else byId.set(event.id, { sent: event, outcomes: [], executions: [] });
  }
  for (const execution of executions) {
    const exchange = byId.get(execution.id);
    if (exchange) exchange.executions.push(execution);
    else stray.push(`${execution.execution} is of ${execution.id}, which was never sent`);
  }
  return { exchanges: [...byId.values()], executions, stray };
}

export function readExecutions(upstream: readonly UpstreamEvent[]): Execution[] {
  const executions = new Map<string, Execution>();
  for (const event of upstream) addEvent(executions, event);
  return [...executions.values()];
}

export function addEvent(executions: Map<string, Execution>, event: UpstreamEvent): void {
  if (event.event === 'start') {
    const { execution, id, agent, at } = event;
    executions.set(execution, { execution, id, agent, startAt: at });
    return;
  }
  const execution = executions.get(event.execution);
  if (execution === undefined) throw new Error(`${event.execution} goes on and never started`);
  if (event.event === 'received') execution.received = event.digest;
  // An upstream that was killed may have noted an end that was on its way to the file.
  else if (execution.end === undefined) {
    execution.end = { at: event.at, how: event.how };
    if (event.how === 'finished') execution.reply = event.digest;
  }
}
