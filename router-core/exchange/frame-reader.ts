import type { Frame } from './frames.ts';

/**
 * One incoming stream. The inbox keeps `lastSeq` and `heardAt`; `attempt` and `key` change when the request gets another
 * attempt.
 */
export interface FrameReader {
  readonly id: string;
  attempt: number;
  key: string;
  lastSeq: number;
  heardAt: number;
  /** The first frames may have been trimmed, because somebody else has read them: reading begins at the first that is there. */
  beginsLate?: boolean;
  /** Body bytes that may still arrive before the reader consumes some. The inbox decreases it, the reader increases it. */
  room: number;
  readonly onFrame: (frame: Frame) => void;
  /** The stream cannot be read any further: its content or its size is not what our writers make. */
  readonly onFault: (why: string) => void;
}
