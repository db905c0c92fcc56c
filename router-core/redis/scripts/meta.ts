import { EVERY_ATTEMPT } from '../../exchange/frames.ts';

/** The meta of a request: everything but its payload; see docs/protocol.md. */
export interface RequestMeta {
  readonly id: string;
  readonly attempt: number;
  readonly flags: string;
  readonly hub: string;
  /** Redis ms. */
  readonly deadline: number;
}

/** `id attempt maxAttempts flags hub deadline waitUntil scope`; parse_meta in meta.lua expects the same. */
const META =
  /^([\w.-]{1,64}) (\d{1,5}) \d{1,5} (sb?|[b-]\d{0,20}) ([\w.-]{1,64}) (\d{1,15}) \d{1,15} [\w.-]{1,64}$/;

/** Undefined for a text that admit.lua would not have written. */
export function decodeMeta(text: string): RequestMeta | undefined {
  const [, id, attemptText, flags, hub, deadline] = META.exec(text) ?? [];
  const attempt = Number(attemptText);
  if (id === undefined || flags === undefined || hub === undefined) return undefined;
  if (attempt < 1 || attempt >= EVERY_ATTEMPT) return undefined;
  return { id, attempt, flags, hub, deadline: Number(deadline) };
}
