import { CommandError } from '../router-core/runtime/run-command.ts';
import type { LogLine } from './log-line.ts';
import { startPart } from './part.ts';
import type { Part, PartCommand } from './part.ts';

/**
 * The order of stopping: first the source of new work, then the running work, then what it depends on. Kinds are stopped one
 * after another, parts of a kind together.
 */
const STOP_ORDER = ['hub', 'agent', 'api', 'demo', 'redis'] as const;

export type PartKind = (typeof STOP_ORDER)[number];

/** Longer than the parts' own --drain: only a part that does not stop by itself is killed. */
const STOP_GRACE_MS = 10_000;

export interface PartSet {
  /** Starts a part and resolves when it is ready. */
  start(kind: PartKind, command: PartCommand): Promise<{ part: Part; line: LogLine }>;
  /** Rejects when a part ends before `stop`. */
  readonly failed: Promise<never>;
  readonly isStopping: boolean;
  /** Stops all parts in order. A repeated call joins the first one. */
  stop(): Promise<void>;
}

/** `show` gets every line that a part prints. */
export function createPartSet(show: (part: string, line: LogLine) => void): PartSet {
  const parts: Array<{ kind: PartKind; part: Part }> = [];
  let stopping: Promise<void> | undefined;
  let fail: (error: Error) => void;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);

  const stopAll = async (): Promise<void> => {
    for (const kind of STOP_ORDER) {
      const ofKind = parts.filter((entry) => entry.kind === kind);
      await Promise.all(ofKind.map(({ part }) => part.stop({ graceMs: STOP_GRACE_MS })));
    }
  };

  return {
    failed,
    get isStopping() {
      return stopping !== undefined;
    },
    async start(kind, command) {
      if (stopping) throw new CommandError(`${command.name} not started: stopping`, { exitCode: 1 });
      const part = startPart(command, (line) => show(command.name, line));
      parts.push({ kind, part });
      void part.ended.then(() => {
        if (!stopping) fail(new CommandError(part.obituary(), { exitCode: 1 }));
      });
      return { part, line: await part.ready };
    },
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}
