import { MAX_TARGET_BYTES } from '../../http/check-request.ts';
import type { ProblemCode } from '../../http/problems.ts';

/** The error of `clientError`. `rawPacket` is the piece in which the parser has found it, up to `bytesParsed`. */
export interface ParserError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/** The beginning of a request line with a method that is a token, RFC 9112 §3. */
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64} \S/;

/** A request line whose version is HTTP's, but no 1.0 or 1.1. */
const VERSION = /^\S+ \S+ HTTP\/\d\.\d\r?$/;

/** A request line, or what is left of one. */
const LONG_LINE = /^(?:(?<method>[A-Z]{1,16}) )?(?<target>[^\s:][^\s]*)(?: HTTP\/\d\.\d\r?)?$/;

/** Returns the error for a client whose bytes Node's parser has refused. */
export function problemOf(error: ParserError): ProblemCode {
  switch (error.code ?? '') {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request-timeout';
    case 'HPE_HEADER_OVERFLOW':
      return isTarget(error) ? 'target-too-long' : 'head-too-large';
    case 'HPE_INVALID_METHOD':
      return METHOD.test(lineOf(error)) ? 'method-not-supported' : 'bad-request';
    case 'HPE_INVALID_VERSION':
      return VERSION.test(lineOf(error)) ? 'version-not-supported' : 'bad-request';
    default:
      return 'bad-request';
  }
}

/** The line in which the parser has stopped, as far as this piece has it. */
function lineOf({ rawPacket, bytesParsed = 0 }: ParserError): string {
  if (!rawPacket) return '';
  const from = bytesParsed === 0 ? 0 : rawPacket.lastIndexOf(0x0a, bytesParsed - 1) + 1;
  const lf = rawPacket.indexOf(0x0a, from);
  const end = Math.min(lf < 0 ? rawPacket.length : lf, from + 1024);
  return rawPacket.toString('latin1', from, end);
}

/**
 * True when a head overflowed within its target. Pieces that came before this one are gone: it may begin within the target, whose line
 * then has no method; or hold neither an end of line nor a blank, which only a target goes without for so long.
 */
function isTarget({ rawPacket }: ParserError): boolean {
  if (!rawPacket) return false;
  const lf = rawPacket.indexOf(0x0a);
  const line = rawPacket.toString('latin1', 0, lf < 0 ? rawPacket.length : lf);
  const { method, target = '' } = LONG_LINE.exec(line)?.groups ?? {};
  return target !== '' && (method === undefined || target.length > MAX_TARGET_BYTES);
}
