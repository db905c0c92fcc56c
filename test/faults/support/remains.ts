import type { Violation } from './check-histories.ts';

/** The state some time after the last request. */
export interface Remains {
  /** In Redis, of all groups: names of permits, of pending or waiting entries, of per-request keys. */
  readonly permits: readonly string[];
  readonly entries: readonly string[];
  readonly keys: readonly string[];
  /** Consumers whose instance is no longer there. */
  readonly consumers: readonly string[];
  readonly sizes: readonly ProcessSize[];
}

export interface ProcessUse {
  /** Open file descriptors. */
  readonly fds: number;
  /** Resident memory, bytes. */
  readonly rss: number;
}

export interface ProcessSize {
  readonly name: string;
  /** When it was ready, or a test took its use for normal. */
  readonly before: ProcessUse;
  readonly after: ProcessUse;
  /** Connections that it may keep alive for the next request. */
  readonly mayKeep: number;
}

/** One life of a process. */
export interface ProcessRecord {
  readonly name: string;
  /** How it ended although nobody had ended it; undefined when it did not. */
  readonly died: string | undefined;
  readonly output: string;
}

/** More than this is not one connection that happens to be open, or one timer's file. */
const FEW_FDS = 4;
/** A heap that has not been collected yet. Leaks of a kilobyte per request show in the long form only. */
const HEAP_BYTES = 160 * 1024 * 1024;

/** I5: nothing left of any request, and no process has grown. */
export function checkRemains({ permits, entries, keys, consumers, sizes }: Remains): Violation[] {
  const left = { permits, entries, keys, 'consumers without instance': consumers };
  return [
    ...Object.entries(left)
      .filter(([, names]) => names.length > 0)
      .map(([kind, names]): Violation => ({ invariant: 'I5', what: `left: ${kind} ${names.join(', ')}` })),
    ...sizes.flatMap(checkSize),
  ];
}

function checkSize({ name, before, after, mayKeep }: ProcessSize): Violation[] {
  const violations: Violation[] = [];
  if (after.fds > before.fds + mayKeep + FEW_FDS) {
    violations.push({
      invariant: 'I5',
      what: `${name} had ${before.fds} descriptors open and has ${after.fds}`,
    });
  }
  if (after.rss > before.rss + HEAP_BYTES) {
    const mib = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`;
    violations.push({ invariant: 'I5', what: `${name} used ${mib(before.rss)} and uses ${mib(after.rss)}` });
  }
  return violations;
}

/**
 * Output that only a mistake in the code causes: Node's reports of unhandled errors and leaking listeners, and lines that the
 * router logs as errors.
 */
const UNHANDLED =
  /unhandled|uncaught|unexpected failure|MaxListenersExceeded|\b(Type|Reference|Range|Syntax|Assertion)Error\b|"level":(50|60)\b/i;

/** I7: no process died by itself or printed an error that nobody handled. */
export function checkProcesses(records: readonly ProcessRecord[], mayLog?: RegExp): Violation[] {
  return records.flatMap(({ name, died, output }): Violation[] => {
    const line = output.split('\n').find((each) => UNHANDLED.test(each) && !mayLog?.test(each));
    return [
      ...(died === undefined ? [] : [{ invariant: 'I7', what: `${name} died: ${died}` } as const]),
      ...(line === undefined ? [] : [{ invariant: 'I7', what: `${name} printed: ${line}` } as const]),
    ];
  });
}
