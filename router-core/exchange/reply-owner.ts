/** Who answers a request, as the first frame of the reply says. */
export interface ReplyOwner {
  /** The instance whose doorbell is rung for the request. */
  readonly rung: string;
  /** Name of whoever runs the request: the same instance, or an agent that is linked to it. */
  readonly shown: string;
}

/** Both names fit into the one byte of a frame that holds their length. */
const OWNER = /^([\w.-]{1,160})(?: ([\w.-]{1,160}))?$/;
const MOST_CHARS = 255;

/** The text for the first frame of a relay's reply. `relay` and `agent` are names of instances. */
export function relayedOwner(relay: string, agent: string): string {
  return `${relay} ${agent}`;
}

/** Undefined when the text names no instance: agents write it. */
export function readOwner(text: string): ReplyOwner | undefined {
  const [, rung, shown = rung] = (text.length <= MOST_CHARS && OWNER.exec(text)) || [];
  return rung === undefined || shown === undefined ? undefined : { rung, shown };
}
