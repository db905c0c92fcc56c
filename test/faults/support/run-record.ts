import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clockMs, type ClientEvent, type UpstreamEvent } from '../programs/history.ts';
import type { Violation } from './check-histories.ts';
import { addEvent, type Execution, type Outcome } from './exchanges.ts';
import { HistoryFile } from './history-file.ts';
import type { ProcessRecord } from './remains.ts';

/** The histories of one run, in one folder, while they are being written and afterwards. */
export class RunRecord {
  readonly folder: string;
  readonly #client: HistoryFile<ClientEvent>[] = [];
  readonly #upstream: HistoryFile<UpstreamEvent>[] = [];
  /** Executions of each upstream; kept up with its file, because conditions look at them many times a second. */
  readonly #executions = new Map<HistoryFile<UpstreamEvent>, Map<string, Execution>>();

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** The file into which one client process writes. */
  clientFile(name: string): string {
    const path = join(this.folder, `${name}.jsonl`);
    this.#client.push(new HistoryFile(path));
    return path;
  }

  upstreamFile(name: string): string {
    const path = join(this.folder, `${name}.jsonl`);
    this.#upstream.push(new HistoryFile(path));
    return path;
  }

  /** Notes a fault of the test beside the events. */
  noteFault(what: string): void {
    appendFileSync(
      join(this.folder, 'faults.txt'),
      `${new Date().toISOString()} ${clockMs().toFixed(0)} ${what}\n`,
    );
  }

  client(): ClientEvent[] {
    return this.#client.flatMap((file) => [...file.events()]);
  }

  upstream(): UpstreamEvent[] {
    this.executions();
    return this.#upstream.flatMap((file) => [...file.events()]);
  }

  outcomes(): Outcome[] {
    return this.client().filter((event) => event.event === 'outcome');
  }

  executions(): Execution[] {
    return this.#upstream.flatMap((file) => {
      const known = this.#executions.get(file) ?? new Map<string, Execution>();
      this.#executions.set(file, known);
      for (const event of file.read()) addEvent(known, event);
      return [...known.values()];
    });
  }

  /** Calls that run now. */
  running(): Execution[] {
    return this.executions().filter(({ end }) => end === undefined);
  }

  /** How many outcomes of each kind: "answered 200", "answered 502 agent-lost", "broken 0", and so on. */
  tally(isMeant = (_id: string) => true): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { how, status, error } of this.outcomes().filter(({ id }) => isMeant(id))) {
      const kind = [how, status, error].filter((part) => part !== '').join(' ');
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }

  /** How long each of these requests took, ms. */
  times(isMeant: (outcome: Outcome) => boolean): number[] {
    const sentAt = this.sentAt();
    return this.outcomes()
      .filter(isMeant)
      .map(({ id, at }) => at - (sentAt.get(id) ?? 0));
  }

  /** When each request was sent, by its id. */
  sentAt(): Map<string, number> {
    return new Map(this.client().flatMap((event) => (event.event === 'sent' ? [[event.id, event.at]] : [])));
  }

  /** Leaves beside the histories what the processes printed and what was found. */
  keep(records: readonly ProcessRecord[], violations: readonly Violation[]): void {
    for (const { name, output } of records) {
      writeFileSync(join(this.folder, `${name.replaceAll(/\W+/g, '-')}.log`), output);
    }
    const lines = violations.map(({ invariant, what }) => `${invariant} ${what}\n`);
    writeFileSync(join(this.folder, 'violations.txt'), lines.join(''));
  }
}
