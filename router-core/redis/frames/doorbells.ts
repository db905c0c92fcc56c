import type { Redis } from 'ioredis';
import { badInput } from '../../runtime/bad-input.ts';
import type { Logger } from '../../runtime/logger.ts';
import { decodeFrame, type Frame } from '../../exchange/frames.ts';
import type { Connection } from '../connection/connection.ts';
import type { Store } from '../connection/store.ts';
import { tagOf } from '../scripts/keys.ts';
import { FloodMeter } from './flood-meter.ts';

export interface DoorbellsOptions {
  readonly store: Pick<Store, 'at'>;
  /** `prefix`: the beginning of the keys for which the channel may ring. */
  readonly onFrame: (frame: Frame, prefix: string) => void;
  /** Rings on this connection may have been missed until now. */
  readonly onHeard: (doorbells: Connection) => void;
  readonly log: Logger;
}

/** One connection for doorbells, and the channels that it listens to. */
interface Line {
  readonly doorbells: Connection;
  readonly channels: Set<string>;
  /** The client that has subscribed to all of them. */
  subscribedOn: Redis | undefined;
}

interface Channel {
  /** `mr:{g}:`, with which the group's keys begin, too. */
  readonly prefix: string;
  readonly meter: FloodMeter;
  isMuted: boolean;
}

/** A flooded channel is ignored for this long; meanwhile its streams are read without doorbells. */
const MUTED_MS = 5_000;

/** Listens to the doorbells of any number of channels. Each channel rings only for its own group, whoever uses it. */
export class Doorbells {
  readonly #options: DoorbellsOptions;
  readonly #lines = new Map<Connection, Line>();
  readonly #channels = new Map<string, Channel>();
  /** Clients whose messages are handled here: several lines may share one. */
  readonly #heard = new WeakSet<Redis>();

  constructor(options: DoorbellsOptions) {
    this.#options = options;
  }

  /** True once every reachable node is subscribed. Before that, senders must not rely on doorbells. */
  get subscribed(): boolean {
    const lines = [...this.#lines.values()];
    const isHeard = ({ doorbells, subscribedOn }: Line) =>
      doorbells.client !== undefined && doorbells.client === subscribedOn;
    return lines.length === 0 || lines.some(isHeard);
  }

  listen(channel: string): void {
    const doorbells = this.#options.store.at(tagOf(channel), 'doorbells');
    const prefix = channel.slice(0, channel.indexOf('}') + 1);
    this.#channels.set(channel, { prefix, meter: new FloodMeter(), isMuted: false });
    const line = this.#lines.get(doorbells);
    if (line) {
      line.channels.add(channel);
      // It failed with its connection: the next one subscribes to all channels.
      doorbells.client?.ssubscribe(channel).catch(() => undefined);
      return;
    }
    const opened: Line = { doorbells, channels: new Set([channel]), subscribedOn: undefined };
    this.#lines.set(doorbells, opened);
    doorbells.onReady((client) => void this.#subscribe(opened, client));
  }

  stopListening(channel: string): void {
    this.#channels.delete(channel);
    this.#leave(channel);
  }

  #leave(channel: string): void {
    const doorbells = this.#options.store.at(tagOf(channel), 'doorbells');
    this.#lines.get(doorbells)?.channels.delete(channel);
    doorbells.client?.sunsubscribe(channel).catch(() => undefined);
  }

  async #subscribe(line: Line, client: Redis): Promise<void> {
    if (!this.#heard.has(client)) {
      this.#heard.add(client);
      client.on('smessageBuffer', (channel: Buffer, message: Buffer) => this.#onMessage(channel, message));
    }
    try {
      if (line.channels.size > 0) await client.ssubscribe(...line.channels);
      line.subscribedOn = client;
      this.#options.onHeard(line.doorbells);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'could not subscribe to doorbells');
      client.disconnect();
    }
  }

  #onMessage(name: Buffer, message: Buffer): void {
    const channel = this.#channels.get(name.toString('latin1'));
    if (!channel || channel.isMuted) return;
    let isBad = false;
    for (let offset = 0; offset < message.length;) {
      const decoded = decodeFrame(message, offset);
      if (!decoded) {
        // The start of the next frame is unknown, and all of it came from one sender.
        badInput.note('doorbell', name.toString('latin1'));
        isBad = true;
        break;
      }
      offset = decoded.next;
      this.#options.onFrame(decoded.frame, channel.prefix);
    }
    if (channel.meter.isFlooded(message.length, { isBad })) this.#mute(name.toString('latin1'), channel);
  }

  #mute(name: string, channel: Channel): void {
    this.#options.log.warn(
      { channel: name },
      'a channel of doorbells is flooded: not listening to it for 5 s',
    );
    channel.isMuted = true;
    this.#leave(name);
    const listenAgain = () => {
      if (this.#channels.get(name) !== channel) return;
      channel.isMuted = false;
      const doorbells = this.#options.store.at(tagOf(name), 'doorbells');
      this.#lines.get(doorbells)?.channels.add(name);
      doorbells.client?.ssubscribe(name).then(
        () => this.#options.onHeard(doorbells),
        () => undefined,
      );
    };
    setTimeout(listenAgain, MUTED_MS).unref();
  }
}
