import type { Frame } from './frames.ts';

/** One incoming stream. The inbox keeps `lastSeq` and `heardAt`; `attempt` and `key` move on when a request does. */
export interface FrameReader {
  readonly id: string;
  attempt: number;
  key: string;
  lastSeq: number;
  heardAt: number;
  readonly onFrame: (frame: Frame) => void;
}
