import { plainAddress } from './client-address.ts';
import type { FieldLines } from './field-lines.ts';
import type { ForwardContext } from './forward-request.ts';
import { forwardedElement, parseForwarded } from './forwarded.ts';

/** The way of a request to this hub, as the fields say that it has brought; empty or undefined where there is none. */
export interface TakenPath {
  forwardedFor: string;
  forwarded: string;
  via: string;
  /** These two are passed on where they stand. */
  proto: string | undefined;
  host: string | undefined;
}

export function joined(list: string, value: string): string {
  return list === '' ? value : `${list}, ${value}`;
}

/** The fields with which an upstream learns the way of a request, this hub included. */
export function pathFields(path: TakenPath, context: ForwardContext): FieldLines {
  const { peer, authority, told, requestId, httpVersion, writesForwarded } = context;
  const { forwarded, via } = path;
  // A proxy that sends Forwarded alone means both.
  const forwardedFor = path.forwardedFor === '' && forwarded !== '' ? nodesOf(forwarded) : path.forwardedFor;
  let fields = `X-Forwarded-For: ${joined(forwardedFor, peer)}\r\n`;
  if (path.proto === undefined) fields += `X-Forwarded-Proto: ${told?.proto ?? context.proto}\r\n`;
  if (path.host === undefined) fields += `X-Forwarded-Host: ${told?.host ?? authority}\r\n`;
  if (writesForwarded) {
    const before = forwarded === '' ? elementsFor(path) : forwarded;
    fields += `Forwarded: ${joined(before, forwardedElement(peer, { proto: context.proto, host: authority }))}\r\n`;
  } else if (forwarded !== '') fields += `Forwarded: ${forwarded}\r\n`;
  return `${fields}Via: ${joined(via, `${httpVersion} mini-router`)}\r\nRouter-Request-Id: ${requestId}\r\n`;
}

function nodesOf(forwarded: string): string {
  return parseForwarded(forwarded)
    .map(({ node }) => plainAddress(node) ?? node)
    .join(', ');
}

/** Forwarded as X-Forwarded-* tell it, RFC 7239 §7.4. Scheme and host are those that the first one has used. */
function elementsFor({ forwardedFor, proto, host }: TakenPath): string {
  if (forwardedFor === '') return '';
  const [first = '', ...others] = forwardedFor.split(',').map((node) => node.trim());
  return [forwardedElement(first, { proto, host }), ...others.map((node) => forwardedElement(node, {}))].join(
    ', ',
  );
}
