import { createHash, timingSafeEqual } from 'node:crypto';
import type { HeaderRules } from '../http/forward-request.ts';
import type { ClientRequest } from './front/client-request.ts';
import type { HubConfig } from './settings.ts';
import type { RoutedRequest } from './snapshot.ts';

/** Applications and agents of slime say these to a hub: no upstream gets them. */
const FIELDS = [
  ...['slime-app-password', 'slime-block', 'slime-scope'],
  ...['slime-agent-token', 'slime-agent-id', 'slime-connection-id'],
];

/** Does for applications what they are used to from slime's hub. docs/from-slime.md has all of it. */
export class SlimeHabits {
  readonly #group: string | undefined;
  readonly #password: Buffer | undefined;
  readonly #plain: HeaderRules = { dropped: new Set(FIELDS), added: [] };
  /** The rules of routes, and FIELDS beside them. */
  readonly #rules = new WeakMap<HeaderRules, HeaderRules>();

  constructor({ slimeGroup, slimeAppPassword }: Pick<HubConfig, 'slimeGroup' | 'slimeAppPassword'>) {
    this.#group = slimeGroup;
    this.#password = slimeAppPassword === undefined ? undefined : digest(slimeAppPassword);
  }

  /** The request as slime's hub would take it: without `slime-block` it does not wait, unless it says by itself for how long. */
  shape(routed: RoutedRequest, request: ClientRequest): RoutedRequest {
    const speaksSlime = FIELDS.some((name) => request.field(name) !== undefined);
    if (!speaksSlime && routed.group !== this.#group) return routed;
    const waits = isFilled(request.field('slime-block')) || routed.preference !== undefined;
    const policy = waits ? routed.policy : { ...routed.policy, waitMs: 0 };
    const headerRules = speaksSlime ? this.#withFields(routed.headerRules) : routed.headerRules;
    return { ...routed, policy, headerRules };
  }

  /** The scope that the client asks for. */
  scopeOf(request: ClientRequest): string | undefined {
    const scope = request.field('slime-scope');
    return isFilled(scope) ? scope : undefined;
  }

  /** The password that the client sends: perhaps the token of an app. */
  passwordOf(request: ClientRequest): string | undefined {
    return request.field('slime-app-password');
  }

  /** True for the one password that is no token. */
  isPassword(text: string | undefined): boolean {
    return (
      text !== undefined && this.#password !== undefined && timingSafeEqual(digest(text), this.#password)
    );
  }

  #withFields(rules: HeaderRules | undefined): HeaderRules {
    if (!rules) return this.#plain;
    const known = this.#rules.get(rules);
    if (known) return known;
    const both = { dropped: new Set([...rules.dropped, ...FIELDS]), added: rules.added };
    this.#rules.set(rules, both);
    return both;
  }
}

function isFilled(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

/** Has the same length for every text. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
