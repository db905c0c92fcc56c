import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { joinPieces } from '../../router-core/hub/front/join-pieces.ts';

/** A stream whose pieces are joined, and the pieces that come out of it. */
function joined() {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  joinPieces(stream);
  const pieces: string[] = [];
  const ended = new Promise<void>((resolve) => stream.on('end', () => resolve()));
  stream.on('data', (piece: Buffer) => pieces.push(piece.toString()));
  return { stream, pieces, ended };
}

test('bytes that nobody takes yet become few pieces, in their order, and none is lost', async () => {
  const { stream, pieces, ended } = joined();
  stream.pause();
  let sent = '';
  for (let i = 0; i < 100_000; i++) {
    const byte = String(i % 10);
    sent += byte;
    stream.push(Buffer.from(byte));
    if (i % 30_000 === 0) {
      stream.push(Buffer.alloc(2_000, 'x'));
      sent += 'x'.repeat(2_000);
    }
  }
  stream.resume();
  stream.push(null);
  await ended;
  expect(pieces.join('')).toBe(sent);
  expect(pieces.length).toBeLessThan(20);
});

test('bytes that somebody takes go on as they come', async () => {
  const { stream, pieces, ended } = joined();
  for (const byte of 'abc') {
    stream.push(Buffer.from(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  stream.push(null);
  await ended;
  expect(pieces).toEqual(['a', 'b', 'c']);
});
