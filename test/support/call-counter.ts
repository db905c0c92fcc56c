import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** The calls of an upstream so far. */
export interface CallCounter {
  readonly listener: RequestListener;
  /** Paths in the order in which their calls began. */
  readonly calls: string[];
  /** Calls running now, and the most there ever were. */
  running: number;
  most: number;
  /** When each call's connection or reply ended, by path, on performance.now()'s clock. */
  readonly endedAt: Map<string, number>;
}

/** Wraps what an upstream does with counting of its calls. */
export function countCalls(answer: (req: IncomingMessage, res: ServerResponse) => void): CallCounter {
  const counter: CallCounter = {
    calls: [],
    running: 0,
    most: 0,
    endedAt: new Map(),
    listener: (req, res) => {
      const path = req.url ?? '';
      counter.calls.push(path);
      counter.running += 1;
      counter.most = Math.max(counter.most, counter.running);
      // Emitted once per response, when it has been sent or its connection is gone.
      res.on('close', () => {
        counter.running -= 1;
        counter.endedAt.set(path, performance.now());
      });
      answer(req, res);
    },
  };
  return counter;
}
