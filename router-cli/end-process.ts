import { sleep } from '../router-core/runtime/backoff.ts';

interface Endable {
  readonly ended: Promise<unknown>;
  signal(name: NodeJS.Signals): void;
}

/** Sends SIGTERM, and SIGKILL when the process has not ended `graceMs` later. Resolves at its end. */
export async function endProcess(target: Endable, { graceMs }: { graceMs: number }): Promise<void> {
  target.signal('SIGTERM');
  const patience = new AbortController();
  const deaf = sleep(graceMs, patience.signal).then(() => {
    if (!patience.signal.aborted) target.signal('SIGKILL');
  });
  await target.ended;
  patience.abort();
  await deaf;
}
