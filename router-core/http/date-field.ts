import type { FieldLines } from './field-lines.ts';

const DATE = /^date: /im;

let second = 0;
let line = '';

/** The Date field that these fields lack, RFC 9110 §6.6.1; empty when they have one. Made once a second. */
export function missingDate(fields: FieldLines): FieldLines {
  if (DATE.test(fields)) return '';
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    line = `Date: ${new Date(now * 1000).toUTCString()}\r\n`;
  }
  return line;
}
