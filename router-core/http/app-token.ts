/** Characters that cannot be part of a token may stand before it: a blank, a tab, a quotation mark. */
const APP_TOKEN = /(?:^|[^0-9A-Za-z_])mr_app_/i;
/** RFC 9110 §11.4: the scheme in any case, then blanks; some clients write a tab. */
const BEARER = /^bearer[ \t]+(\S+)$/i;

export interface TakenCredentials {
  /** The first app token that was sent as a bearer's. */
  readonly appToken: string | undefined;
  /** The value without any app token; empty when nothing else is in it. */
  readonly rest: string;
}

/**
 * Takes app tokens out of the value of an Authorization field. The field holds one credential (RFC 9110 §11.6.2), but a proxy
 * that joins two fields makes it a list, and no app token may reach an upstream: every part of the list that contains one is
 * removed. One function both identifies the sender and decides what is forwarded, so the two cannot disagree.
 */
export function takeAppToken(value: string): TakenCredentials {
  if (!APP_TOKEN.test(value)) return { appToken: undefined, rest: value };
  let appToken: string | undefined;
  const others = value.split(',').filter((credential) => {
    if (!APP_TOKEN.test(credential)) return true;
    appToken ??= BEARER.exec(credential.trim())?.[1];
    return false;
  });
  return { appToken, rest: others.join(',').trim() };
}

/** The app token of a request: in `Router-Token`, or as a bearer token in `Authorization`, of which there may be several. */
export function appTokenOf(raw: readonly string[]): string | undefined {
  let own: string | undefined;
  let bearer: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const { length } = raw[i] ?? '';
    if (length !== 12 && length !== 13) continue;
    const name = raw[i]?.toLowerCase();
    const value = raw[i + 1] ?? '';
    // Two of them count as none: choosing one would be a guess.
    if (name === 'router-token') own = own === undefined ? value.trim() : `${own}, ${value}`;
    else if (name === 'authorization') bearer ??= takeAppToken(value).appToken;
  }
  return own ?? bearer;
}
