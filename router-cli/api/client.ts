import { z } from 'zod';
import { failureOf, unreachable } from './failure.ts';
import { parseJson } from '../../router-core/runtime/parse-json.ts';

/** Longer than router-api lets a request take. */
const ANSWER_WITHIN_MS = 65_000;

/** The largest page of router-api. */
const PAGE = 1_000;

export type JsonObject = Record<string, unknown>;

export interface ApiTarget {
  /** Perhaps with a path, when router-api is behind a proxy. */
  readonly url: string;
  readonly token: string;
}

/** Called with a text that says what is waited for; returns a function that ends the display. */
export type Progress = (text: string) => () => void;

export interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly headers: Headers;
  readonly body: unknown;
}

const pageSchema = z.looseObject({ items: z.array(z.unknown()), next: z.string().nullable() });

/** `apiPath('agents', name, 'rotate')`: each name is one segment. */
export function apiPath(...segments: string[]): string {
  return `/v1/${segments.map(encodeURIComponent).join('/')}`;
}

/** Talks to one router-api. Every method rejects with an ApiFailure when a call fails. */
export class ApiClient {
  readonly url: string;
  readonly #token: string;
  readonly #progress: Progress;

  constructor({ url, token }: ApiTarget, progress: Progress = () => () => undefined) {
    this.url = url.replace(/\/+$/, '');
    this.#token = token;
    this.#progress = progress;
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const timeout = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
    const endProgress = this.#progress(`waiting for ${this.url} …`);
    try {
      const response = await this.fetch(method, path, { ...options, signal });
      return await this.#read(response, path);
    } finally {
      endProgress();
    }
  }

  async #read(response: Response, path: string): Promise<Answer> {
    const text = await response.text().catch((error: unknown) => {
      throw unreachable({ url: this.url, path }, error);
    });
    const body = parseJson(text);
    if (!response.ok) throw failureOf({ url: this.url, path }, response.status, body);
    return { headers: response.headers, body };
  }

  /** The response as it comes; the caller checks for errors. */
  async fetch(method: string, path: string, options: CallOptions = {}): Promise<Response> {
    const { query = {}, body, headers = {}, signal } = options;
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    try {
      return await fetch(url, {
        method,
        // A redirect could send the token to another server.
        redirect: 'manual',
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signal && { signal }),
      });
    } catch (error) {
      throw unreachable({ url: this.url, path }, error);
    }
  }

  /** The objects of all pages, `limit` at most. */
  async list(
    path: string,
    { query = {}, limit = Infinity }: { query?: CallOptions['query']; limit?: number } = {},
  ) {
    const items: JsonObject[] = [];
    let after: string | undefined;
    do {
      const size = Math.min(PAGE, limit - items.length);
      const { body } = await this.call('GET', path, { query: { ...query, limit: size, after } });
      const page = pageSchema.parse(body);
      items.push(...(page.items as JsonObject[]));
      after = page.next ?? undefined;
    } while (after !== undefined && items.length < limit);
    return items;
  }
}
