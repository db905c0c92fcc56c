/** A number, or a range from which each request takes one at random. */
export type Amount = number | readonly [number, number];

/** One kind of request. */
export interface RequestPlan {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** How often this kind is picked, compared to the others; 1 unless said otherwise. */
  readonly weight?: number;
  /** The first part of its path; `/r` unless said otherwise. */
  readonly path?: string;
  /** How long the upstream works before the head of its reply. */
  readonly workMs?: Amount;
  /** Bytes of the reply, and how long the upstream takes to send them. */
  readonly replyBytes?: Amount;
  readonly replyMs?: Amount;
  /** Bytes of the request body, and how long the client takes to send them. */
  readonly bodyBytes?: Amount;
  readonly bodyMs?: Amount;
  readonly readBytesPerS?: number;
  /** The client cuts its connection after so long. */
  readonly leaveAfterMs?: Amount;
}

/** The plan of one client process. */
export interface ClientPlan {
  /** First part of every id: no two clients of a history may share it. */
  readonly name: string;
  readonly hubs: readonly string[];
  /** The hubs' `--total-timeout`. */
  readonly deadlineMs: number;
  /** Requests at once. */
  readonly concurrency: number;
  /** Requests altogether; without it, until SIGTERM. */
  readonly count?: number;
  readonly seed: number;
  /** Connections are used again; else each request has its own. */
  readonly keepAlive?: boolean;
  readonly requests: readonly RequestPlan[];
}

/** The orders to the upstream in the target of a request. */
export interface Job {
  readonly id: string;
  readonly workMs: number;
  readonly replyBytes: number;
  readonly replyMs: number;
}

export function targetOf(path: string, { id, workMs, replyBytes, replyMs }: Job): string {
  return `${path}/${id}?work=${Math.round(workMs)}&bytes=${Math.round(replyBytes)}&over=${Math.round(replyMs)}`;
}

export function jobOf(target: string): Job {
  const { pathname, searchParams } = new URL(target, 'http://upstream');
  const amount = (name: string) => Number(searchParams.get(name) ?? 0);
  const id = pathname.slice(pathname.lastIndexOf('/') + 1);
  return { id, workMs: amount('work'), replyBytes: amount('bytes'), replyMs: amount('over') };
}
