import { openSync, writeSync } from 'node:fs';

/** A client's actions and observations, one event per line. */
export type ClientEvent =
  | {
      readonly event: 'sent';
      readonly at: number;
      readonly id: string;
      readonly method: string;
      /** It may run more than once: its method is idempotent, or it says so with an Idempotency-Key. */
      readonly repeatable: boolean;
      /** When the hub must have ended it, in ms from now. */
      readonly deadlineMs: number;
      /** Digest of the request body. */
      readonly digest: string;
    }
  | {
      readonly event: 'outcome';
      readonly at: number;
      readonly id: string;
      /** `broken` is a connection that ended before the reply was complete, `left` one that the client itself cut. */
      readonly how: 'answered' | 'broken' | 'left' | 'hung';
      /** 0 when no head came. */
      readonly status: number;
      /** `Router-Error` and `Router-Executed`; empty when the reply is the upstream's own. */
      readonly error: string;
      readonly executed: string;
      /** Digest of the reply's body as far as it came. */
      readonly digest: string;
      readonly bytes: number;
    };

/** The requests that an upstream executed, one event per line. */
export type UpstreamEvent =
  | {
      readonly event: 'start';
      readonly at: number;
      /** One per call, unique over all upstreams and their restarts. */
      readonly execution: string;
      readonly id: string;
      readonly agent: string;
      /** As hubs and agents call it in their logs. */
      readonly request: string;
    }
  /** The whole request body is there. */
  | { readonly event: 'received'; readonly at: number; readonly execution: string; readonly digest: string }
  | {
      readonly event: 'end';
      readonly at: number;
      readonly execution: string;
      /** `finished` is written before the last byte is sent, so nobody can know of the end before it is on file. */
      readonly how: 'finished' | 'aborted' | 'died';
      /** Digest of the reply's body; empty unless it was finished. */
      readonly digest: string;
    };

/** ms on the one clock that all processes of a machine share, and that nobody can set. */
export function clockMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/** Appends events to a file, each written before the function returns: a process that is killed loses none. */
export function openHistory(file: string): (event: ClientEvent | UpstreamEvent) => void {
  const handle = openSync(file, 'a');
  return (event) => void writeSync(handle, `${JSON.stringify(event)}\n`);
}
