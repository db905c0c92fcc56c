import type { Readable } from 'node:stream';
import { nominatedFields } from '../http/hop-by-hop.ts';
import { forwardTrailers } from '../http/trailers.ts';
import { awaitHead } from './await-slot.ts';
import { guarded } from './contain-fault.ts';
import type { Exchange } from './exchange.ts';
import type { ClientRequest } from './front/client-request.ts';
import { isDuplex } from './request-kind.ts';

/** A body up to this size travels with the request itself, and can be run again when its agent is lost. */
export const INLINE_BYTES = 64 * 1024;

/** A duplex request goes ahead of its body after so long: the client may be waiting too. */
const DUPLEX_WAIT_MS = 20;

export interface InlineBody {
  readonly chunks: Buffer[];
  /** The chunks are the whole body. When false, the rest follows and the request is paused. */
  readonly complete: boolean;
}

const NO_BODY: InlineBody = { chunks: [], complete: true };

/**
 * Reads the body as far as it goes inline; returns a promise when the hub has to await it. `contentLength` in bytes, undefined =
 * chunked. A request takes no slot before its body, or the first 64 KiB of it, are there: a client that sends nothing would hold an
 * upstream.
 */
export function readInlineBody(
  exchange: Exchange,
  contentLength: number | undefined,
  isTooLarge: (bytes: number) => boolean,
): InlineBody | Promise<InlineBody | 'too-large'> {
  if (contentLength === 0) return NO_BODY;
  const { request, routed, body } = exchange;
  const { body: source } = request;
  const mayGoAhead = isDuplex(request, routed);
  const isLarge = (contentLength ?? 0) > INLINE_BYTES;
  if (isLarge && mayGoAhead) return { chunks: [], complete: false };

  return new Promise((resolve, reject) => {
    const owner = { fault: reject };
    const chunks: Buffer[] = [];
    const onData = guarded(owner, (chunk: Buffer) => {
      chunks.push(chunk);
      body.came(chunk.length);
      exchange.touch();
      if (isTooLarge(body.bytes)) finish('too-large');
      else if (body.bytes >= INLINE_BYTES + (isLarge ? 0 : 1)) goAhead();
    });
    const onEnd = guarded(owner, () => finish({ chunks, complete: true }));
    // The first part of a body would only fill the store: all of it goes when the agent asks for it.
    const goAhead = () => {
      finish({ chunks: [], complete: false });
      if (body.bytes > 0) source.unshift(Buffer.concat(chunks));
      body.putBack();
    };
    const timer = mayGoAhead ? setTimeout(guarded(owner, goAhead), DUPLEX_WAIT_MS) : undefined;
    const finish = (result: InlineBody | 'too-large') => {
      clearTimeout(timer);
      source.off('data', onData);
      source.off('end', onEnd);
      if (result === 'too-large' || !result.complete) source.pause();
      resolve(result);
    };
    source.on('data', onData);
    source.on('end', onEnd);
  });
}

/** Sends the rest of a body, or after a protocol switch the client's bytes, as fast as the agent takes them. */
export function pumpBody(exchange: Exchange, source: Readable, credit: number): void {
  const upload = exchange.store.openUpload(credit, () => source.resume());
  const { maxBodyBytes } = exchange.policy;
  const onData = guarded(exchange, (chunk: Buffer) => {
    if (exchange.done) return;
    exchange.body.came(chunk.length);
    if (source === exchange.request.body && maxBodyBytes > 0 && exchange.body.bytes > maxBodyBytes) {
      exchange.fail('body-too-large');
      void exchange.cancel();
      return;
    }
    exchange.touch();
    if (!upload.write(chunk)) source.pause();
  });
  const onEnd = guarded(exchange, () => {
    upload.end(trailersOf(exchange.request));
    // While the body flowed its pauses were limited; now the head is due.
    if (exchange.state === 'handed') awaitHead(exchange);
  });
  source.on('data', onData);
  source.on('end', onEnd);
  source.resume();
}

/** The trailers that go on, as a frame carries them. */
export function trailersOf({ rawTrailers, rawHeaders }: ClientRequest): string {
  if (rawTrailers.length === 0) return '';
  const kept = forwardTrailers(rawTrailers, nominatedFields(rawHeaders));
  // Node's parser refuses such characters: this request ends, should it ever let one through.
  if (kept instanceof Error) throw kept;
  return kept.join('\n');
}
