import type { Frame } from './frames.ts';

/** One incoming stream. The inbox keeps `lastSeq` and `heardAt`; `attempt` and `key` move on when a request does. */
export interface FrameReader {
  readonly id: string;
  attempt: number;
  key: string;
  lastSeq: number;
  heardAt: number;
  /** The first frames may have been trimmed, because somebody else has read them: reading begins at the first that is there. */
  beginsLate?: boolean;
  /** Body bytes that may still come before some of those that came are taken. The inbox counts down, whoever takes counts up. */
  room: number;
  readonly onFrame: (frame: Frame) => void;
  /** The stream cannot be followed any further: what is in it, or how much of it, is not what our writers make. */
  readonly onFault: (why: string) => void;
}
