import { isIPv6 } from 'node:net';

/** An element of the field Forwarded, RFC 7239 §4. */
export interface ForwardedElement {
  /** `for`: an address, perhaps in brackets and with a port; `unknown`; or a made-up name. */
  readonly node: string;
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

/** `name=token` or `name="quoted"`, then what ends it. */
const PAIR = /[ \t]*([!#$%&'*+\-.^_`|~\w]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))[ \t]*(;|,|$)/y;

/** Returns the elements in their order. A field that breaks the syntax has none: nobody knows where its elements end. */
export function parseForwarded(field: string): ForwardedElement[] {
  const elements: ForwardedElement[] = [];
  let pairs = new Map<string, string>();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < field.length) {
    const found = PAIR.exec(field);
    if (!found) return [];
    const [, name = '', quoted, token = '', end] = found;
    pairs.set(name.toLowerCase(), quoted === undefined ? token : quoted.replace(/\\(.)/g, '$1'));
    if (end === ';') continue;
    elements.push({
      node: pairs.get('for') ?? 'unknown',
      proto: pairs.get('proto'),
      host: pairs.get('host'),
    });
    pairs = new Map();
  }
  return elements;
}

/** Writes one element. Everything but a token has to be quoted, and an IPv6 address be in brackets (RFC 7239 §6). */
export function forwardedElement(
  node: string,
  { proto, host }: { readonly proto?: string | undefined; readonly host?: string | undefined },
): string {
  const address = isIPv6(node) ? `[${node}]` : node;
  let element = `for=${quotable(address)}`;
  if (host) element += `;host=${quotable(host)}`;
  if (proto) element += `;proto=${quotable(proto)}`;
  return element;
}

function quotable(text: string): string {
  return /^[!#$%&'*+\-.^_`|~\w]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
