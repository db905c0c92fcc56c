import { closeSync, existsSync, openSync, readSync } from 'node:fs';

/** Reads a history while it is being written: each look takes only what is new. */
export class HistoryFile<E> {
  readonly #path: string;
  readonly #events: E[] = [];
  #offset = 0;
  #rest = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Everything that is on file by now. */
  events(): readonly E[] {
    this.read();
    return this.#events;
  }

  /** The events since the last look. */
  read(): readonly E[] {
    const known = this.#events.length;
    if (existsSync(this.#path)) this.#readOn();
    return this.#events.slice(known);
  }

  #readOn(): void {
    const handle = openSync(this.#path, 'r');
    const buffer = Buffer.alloc(64 * 1024);
    for (let read = -1; read !== 0; this.#offset += read) {
      read = readSync(handle, buffer, 0, buffer.length, this.#offset);
      this.#take(buffer.toString('latin1', 0, read));
    }
    closeSync(handle);
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    // Without a newline, the last one is still being written.
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#events.push(JSON.parse(line) as E);
  }
}
