import { write, writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

/** Characters that may wait to be written: a reader that stands still costs lines, not memory. */
const MOST_WAITING = 16 * 1024 * 1024;

/** Pause before a write to a full non-blocking pipe is tried again, ms. */
const FULL_PIPE_MS = 20;

/** How long writes to a full pipe are tried when the process exits, ms. */
const LAST_TRIES_MS = 1_000;

const NOTHING = Buffer.alloc(0);

/**
 * Writes a log to a file descriptor in the background, and flushes the rest when the process exits. When nobody reads any
 * more, logging ends and the process goes on. pino's own destination would keep that process from exiting: it tries for ever
 * to flush to the broken pipe.
 */
export class LogOutput implements DestinationStream {
  readonly #fd: number;
  #lines: string[] = [];
  #waiting = 0;
  #dropped = 0;
  /** Bytes that a full pipe has refused. */
  #rest: Buffer = NOTHING;
  #isWriting = false;
  #isBroken = false;

  constructor(fd: number) {
    this.#fd = fd;
    process.on('exit', () => this.#writeAtExit());
  }

  write(line: string): void {
    if (this.#isBroken) return;
    if (this.#waiting > MOST_WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#waiting += line.length;
    if (!this.#isWriting) this.#writeNext();
  }

  #writeNext(): void {
    const chunk = this.#rest.length > 0 ? this.#rest : this.#take();
    this.#rest = NOTHING;
    this.#isWriting = chunk.length > 0;
    if (!this.#isWriting) return;
    write(this.#fd, chunk, (error, written) => {
      if (!error) {
        this.#rest = chunk.subarray(written);
        this.#writeNext();
      } else if (isFull(error)) {
        this.#rest = chunk;
        setTimeout(() => this.#writeNext(), FULL_PIPE_MS);
      } else {
        this.#isBroken = true;
        this.#lines = [];
      }
    });
  }

  #take(): Buffer {
    if (this.#dropped > 0) this.#lines.push(droppedLine(this.#dropped));
    const chunk = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#waiting = this.#dropped = 0;
    return chunk;
  }

  #writeAtExit(): void {
    if (this.#isBroken) return;
    let chunk = Buffer.concat([this.#rest, this.#take()]);
    const until = performance.now() + LAST_TRIES_MS;
    while (chunk.length > 0 && performance.now() < until) {
      try {
        chunk = chunk.subarray(writeSync(this.#fd, chunk));
      } catch (error) {
        if (!isFull(error)) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_MS);
      }
    }
  }
}

function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}

function droppedLine(count: number): string {
  const time = new Date().toISOString();
  const msg = `${count} lines are missing here: the reader of this log was too slow`;
  return `${JSON.stringify({ level: 40, time, pid: process.pid, msg })}\n`;
}
