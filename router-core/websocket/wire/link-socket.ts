import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { decodeMessage, encodeMessage, LINK_CHANNEL, MESSAGE, type LinkMessage } from './link-message.ts';
import type { LinkWriter, WriterTarget } from './link-writer.ts';
import { OutgoingFrames } from './outgoing-frames.ts';

/** Bodies wait in their writers while the socket holds more than this, so that what is urgent is not behind them. */
const MOST_BUFFERED_BYTES = 256 * 1024;

/** Urgent messages are small: a peer that leaves this much of them unread does not read at all. */
const MOST_UNREAD_BYTES = 8 * 1024 * 1024;

/** So long waits a message that nobody waits for, ms: other messages take it with them, which saves a write. */
const LATER_MS = 2;

/** After so long without a word a ping asks for one. */
export const PING_AFTER_MS = 15_000;
/** After so long without a word a link is dead. */
export const DEAD_AFTER_MS = 35_000;

export interface LinkSocketOptions {
  readonly ws: WebSocket;
  /** The stream under the WebSocket. */
  readonly stream: Duplex;
  readonly side: 'hub' | 'agent';
  /** A message that the peer may send; the socket is refused when this throws a LinkFault. */
  readonly onMessage: (message: LinkMessage) => void;
  /** True when nothing runs on the link. Asked after `expectWords`, until it is so. */
  readonly isIdle?: () => boolean;
  /** Called with the code when this end refuses the peer. */
  readonly onRefuse?: (code: string) => void;
  /** Called once, whoever ended it. */
  readonly onClose: (why: string) => void;
}

/** A peer has sent something that the protocol does not allow. */
export class LinkFault extends Error {
  override readonly name = 'LinkFault';
  readonly code: 'protocol' | 'limit';

  constructor(code: 'protocol' | 'limit', message: string) {
    super(message);
    this.code = code;
  }
}

/** One end of a link: sends what is urgent at once, bodies in turn, and notices when the peer has gone silent. */
export class LinkSocket implements WriterTarget {
  readonly #options: LinkSocketOptions;
  readonly #pending: LinkWriter[] = [];
  readonly #frames: OutgoingFrames;
  readonly #endTurn = () => this.#onTurnEnd();
  #watch: NodeJS.Timeout;
  #lookedAt = performance.now();
  /** Silence counts from here: an idle link may have been silent for longer than one with requests may be. */
  #expectsSince = 0;
  #lookEveryMs = PING_AFTER_MS / 4;
  /** The messages of this turn of the event loop are held back to its end, so that they leave in one write. */
  #isTurn = false;
  /** Flushes what waits for other messages. */
  #later: NodeJS.Timeout | undefined;
  /** Bodies wait until the socket has room. */
  #awaitsDrain = false;
  /** Nothing that comes counts any more. */
  #isClosing = false;
  #closed = false;
  #pingAfterMs = PING_AFTER_MS;
  #deadAfterMs = DEAD_AFTER_MS;
  #pingedAt: number | undefined;
  /** When the peer was last heard of, by performance.now(). */
  heardAt = performance.now();
  /** ms from the last ping to its pong. */
  roundTripMs: number | undefined;

  constructor(options: LinkSocketOptions) {
    this.#options = options;
    const { ws, stream, side } = options;
    this.#frames = new OutgoingFrames(stream, { masks: side === 'agent' });
    // A large message on a slow line is a word long before it is whole.
    stream.on('data', () => (this.heardAt = performance.now()));
    ws.on('message', (data, isBinary) => this.#onData(data as Buffer, isBinary));
    ws.on('pong', () => this.#onPong());
    ws.on('error', () => undefined);
    ws.on('close', (_code, reason) => this.#onClose(reason.toString('latin1') || 'the connection was lost'));
    this.#watch = setInterval(() => this.#look(), this.#lookEveryMs);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How long the peer may be silent until the link is idle: pinged after the one, given up after the other. */
  expectWords(pingAfterMs: number, deadAfterMs: number): void {
    if (this.#closed || pingAfterMs === this.#pingAfterMs) return;
    this.#pingAfterMs = pingAfterMs;
    this.#deadAfterMs = deadAfterMs;
    this.#lookEveryMs = pingAfterMs / 4;
    this.#expectsSince = performance.now();
    clearInterval(this.#watch);
    this.#watch = setInterval(() => this.#look(), this.#lookEveryMs);
    this.#lookedAt = performance.now();
  }

  /** Sends a message before all bodies that wait. */
  send(type: number, channel: number, json?: object): void {
    this.#write(encodeMessage(type, channel, json));
  }

  /** Sends a message soon: with the next one. */
  sendLater(type: number, channel: number): void {
    const { ws } = this.#options;
    if (this.#closed || ws.readyState !== ws.OPEN) return;
    this.#frames.add(encodeMessage(type, channel));
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      this.#beginTurn();
    }, LATER_MS);
  }

  /** Sends a message with the beginning of a body. */
  sendWith(type: number, channel: number, json: object, body: Buffer | undefined): void {
    this.#write(encodeMessage(type, channel, json, body));
  }

  onPending(writer: LinkWriter): void {
    this.#pending.push(writer);
    this.#beginTurn();
  }

  /** Says why, then closes. */
  refuse(code: string, reason: string, retryMs?: number): void {
    if (this.#closed) return;
    this.#options.onRefuse?.(code);
    this.send(MESSAGE.refused, LINK_CHANNEL, { code, reason, retryMs });
    this.close(reason);
  }

  /** Closes after what was sent. A peer that does not answer is cut after a second. */
  close(reason: string): void {
    if (this.#closed || this.#isClosing) return;
    this.#isClosing = true;
    const { ws } = this.#options;
    if (ws.readyState === ws.OPEN) this.#frames.flush();
    ws.close(1000, Buffer.from(reason, 'utf8').subarray(0, 100).toString('utf8'));
    setTimeout(() => ws.terminate(), 1_000).unref();
  }

  terminate(why: string): void {
    this.#options.ws.terminate();
    this.#onClose(why);
  }

  #write(message: Buffer): void {
    const { ws } = this.#options;
    if (this.#closed || ws.readyState !== ws.OPEN) return;
    this.#beginTurn();
    this.#frames.add(message);
    if (this.#frames.waitingBytes > MOST_UNREAD_BYTES) this.terminate('the peer does not read');
  }

  #beginTurn(): void {
    if (this.#isTurn || this.#closed) return;
    this.#isTurn = true;
    setImmediate(this.#endTurn);
  }

  #onTurnEnd(): void {
    this.#isTurn = false;
    if (!this.#awaitsDrain) this.#sendBodies();
    const { ws } = this.#options;
    if (ws.readyState === ws.OPEN) this.#frames.flush();
  }

  #sendBodies(): void {
    const { ws, stream } = this.#options;
    while (this.#pending.length > 0 && this.#frames.waitingBytes < MOST_BUFFERED_BYTES) {
      const message = this.#pending.shift()?.take();
      if (message && ws.readyState === ws.OPEN) this.#frames.add(message);
    }
    if (this.#pending.length === 0) return;
    this.#awaitsDrain = true;
    stream.once('drain', () => {
      this.#awaitsDrain = false;
      this.#beginTurn();
    });
  }

  #onData(data: Buffer, isBinary: boolean): void {
    if (this.#closed || this.#isClosing) return;
    const message = isBinary ? decodeMessage(data) : undefined;
    if (!message) return this.refuse('protocol', 'a message that cannot be read');
    try {
      this.#options.onMessage(message);
    } catch (error) {
      if (!(error instanceof LinkFault)) throw error;
      this.refuse(error.code, error.message);
    }
  }

  #onPong(): void {
    if (this.#pingedAt !== undefined) this.roundTripMs = performance.now() - this.#pingedAt;
    this.#pingedAt = undefined;
  }

  #look(): void {
    const now = performance.now();
    const stoodStill = now - this.#lookedAt > this.#lookEveryMs + this.#pingAfterMs / 2;
    this.#lookedAt = now;
    // This process did not run: what the peer said meanwhile is still to be read.
    if (stoodStill) return;
    if (this.#pingAfterMs !== PING_AFTER_MS && this.#options.isIdle?.())
      this.expectWords(PING_AFTER_MS, DEAD_AFTER_MS);
    const silentMs = now - Math.max(this.heardAt, this.#expectsSince);
    if (silentMs > this.#deadAfterMs) return this.terminate('the peer was silent for too long');
    if (silentMs < this.#pingAfterMs || this.#pingedAt !== undefined) return;
    this.#pingedAt = performance.now();
    this.#options.ws.ping();
  }

  #onClose(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watch);
    clearTimeout(this.#later);
    this.#pending.length = 0;
    this.#options.onClose(why);
  }
}
