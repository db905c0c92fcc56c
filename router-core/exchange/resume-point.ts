/**
 * How far both bodies of a request have come when another relay goes on with it: said by the client's hub, which reads the one
 * and writes the other. Bytes, counted from the beginning of each body.
 */
export interface ResumePoint {
  /** Bytes of the reply's body that the hub has received. */
  readonly received: number;
  /** The head of the reply has come. Interim heads do not count. */
  readonly headSeen: boolean;
  /** The hub takes the reply's body up to here. */
  readonly upTo: number;
  /** Bytes of the rest of the request's body in the frames before this one. */
  readonly sent: number;
  /** The hub may send the rest of the request's body up to here; 0: nobody has asked for it. */
  readonly asked: number;
}

const POINT = /^(\d{1,16}) ([01]) (\d{1,16}) (\d{1,16}) (\d{1,16})$/;

/** As the frame of a hub carries it, in the place of a head. */
export function encodeResumePoint({ received, headSeen, upTo, sent, asked }: ResumePoint): string {
  return `${received} ${headSeen ? 1 : 0} ${upTo} ${sent} ${asked}`;
}

/** Undefined for anything else. */
export function decodeResumePoint(text: string): ResumePoint | undefined {
  const [, received, head, upTo, sent, asked] = POINT.exec(text) ?? [];
  if (received === undefined) return undefined;
  return {
    received: Number(received),
    headSeen: head === '1',
    upTo: Number(upTo),
    sent: Number(sent),
    asked: Number(asked),
  };
}
