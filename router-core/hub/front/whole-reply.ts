import type { ServerResponse } from 'node:http';
import { missingDate } from '../../http/date-field.ts';
import type { FieldLines } from '../../http/field-lines.ts';

/**
 * Where Node keeps a head that is ready to be sent: text, null before. Its documentation does not say so; every version does, and
 * much that is built on Node leans on it. Where it should be missing, nothing is done here.
 */
interface HeldHead {
  _header?: string | null;
  /** ms, as the server has been told. */
  _keepAliveTimeout?: number;
}

/** Fields that decide how the connection goes on, or where the reply ends. */
const FRAMING = /^(?:connection|keep-alive|transfer-encoding|trailer|upgrade): /im;

/** A reply that goes out as it is: nobody looks at it any more. */
export interface WholeReply {
  readonly status: number;
  readonly reason: string;
  /** With a Content-Length when there is a body. */
  readonly fields: FieldLines;
  /** latin1. */
  readonly body: string;
}

/**
 * Sends a reply in one write. Node adds an empty piece for its end, at least, which costs a quarter of all its work for a small one
 * (docs/decisions/0024-one-write-for-a-small-reply.md). Returns false, and has done nothing, when the connection ends with the
 * reply or anything is unusual: then Node is to do it.
 */
export function sendWhole(res: ServerResponse, { status, reason, fields, body }: WholeReply): boolean {
  const held = res as HeldHead;
  const { req } = res;
  // A client that waits to be asked for its body may send it or not: where the next request begins, nobody knows.
  const isPersistent = res.shouldKeepAlive && req.httpVersion === '1.1' && req.headers.expect === undefined;
  if (held._header !== null || !isPersistent || status < 200) return false;
  if (FRAMING.test(fields)) return false;
  const keepAliveS = Math.floor((held._keepAliveTimeout ?? 0) / 1_000);
  const ours = `${missingDate(fields)}Connection: keep-alive\r\nKeep-Alive: timeout=${keepAliveS}\r\n`;
  res.statusCode = status;
  held._header = `HTTP/1.1 ${status} ${reason}\r\n${fields}${ours}\r\n${body}`;
  res.end();
  return true;
}
