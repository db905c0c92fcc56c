import { onTestFinished } from 'vitest';
import { LIST_OF, type ObjectKind } from '../../router-core/config/object-kinds.ts';
import type { Role } from '../../router-core/config/identities.ts';
import { startApi } from '../../router-api/serve.ts';
import type { ApiConfig } from '../../router-api/settings.ts';
import { newToken, recordLog } from './config.ts';
import { waitFor } from './wait.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed when it is JSON, else the text. */
  readonly body: unknown;
  readonly text: string;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** null: none; default: that of the client. */
  readonly token?: string | null;
}

/** Asks an API at a URL as an admin. */
export class ApiClient {
  readonly url: string;
  readonly token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  as(token: string): ApiClient {
    return new ApiClient(this.url, token);
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { body, headers = {}, token = this.token } = options;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : text,
      text,
    };
  }

  get(path: string, options?: CallOptions): Promise<Answer> {
    return this.call('GET', path, options);
  }

  post(path: string, body?: unknown, options: CallOptions = {}): Promise<Answer> {
    return this.call('POST', path, { ...options, body });
  }

  put(path: string, body: unknown, options: CallOptions = {}): Promise<Answer> {
    return this.call('PUT', path, { ...options, body });
  }

  patch(path: string, body: unknown, options: CallOptions = {}): Promise<Answer> {
    return this.call('PATCH', path, { ...options, body });
  }

  delete(path: string, options?: CallOptions): Promise<Answer> {
    return this.call('DELETE', path, options);
  }

  /** Creates an object; throws when that fails. Returns its token, if it has one. */
  async create(kind: ObjectKind, fields: { name: string; [field: string]: unknown }): Promise<string> {
    const { status, body, text } = await this.post(`/v1/${LIST_OF[kind]}`, fields);
    if (status !== 201) throw new Error(`${kind} ${fields.name} was not created: ${status} ${text}`);
    return (body as { token?: string }).token ?? '';
  }

  /** An admin of this role, and a client that asks in its name. */
  async admin(role: Role, name: string = role): Promise<ApiClient> {
    return this.as(await this.create('admin', { name, role }));
  }
}

export interface TestApi extends ApiClient {
  /** Its log so far. */
  readonly lines: ReturnType<typeof recordLog>['lines'];
}

/** A router-api in this process, ready, and a client that asks as `root`. Ends with the test. */
export async function apiHere(redisUrl: string, config: Partial<ApiConfig> = {}): Promise<TestApi> {
  const { api, close } = await startTestApi(redisUrl, config);
  onTestFinished(close);
  return api;
}

/** The same for several tests: whoever starts it closes it. */
export async function startTestApi(
  redisUrl: string,
  config: Partial<ApiConfig> = {},
): Promise<{ api: TestApi; close: () => Promise<void> }> {
  const { log, lines } = recordLog();
  const { token } = newToken('admin');
  const api = await startApi(
    {
      redisUrl,
      host: '127.0.0.1',
      port: 0,
      adminToken: token,
      corsOrigins: [],
      openMetrics: false,
      publicUrl: undefined,
      logLevel: 'debug',
      ...config,
    },
    log,
  );
  const client = new ApiClient(`http://127.0.0.1:${api.port}`, token);
  await untilReady(client);
  return { api: Object.assign(client, { lines }), close: () => api.close() };
}

export function untilReady(client: ApiClient): Promise<boolean> {
  const isReady = async () => (await client.get('/ready', { token: null })).status === 200;
  return waitFor(isReady, { what: 'router-api to be ready' });
}

/** The fields of a problem document, without its texts for people. */
export function problemOf({ status, body }: Answer): { status: number; code: string; paths?: string[] } {
  const { code, errors } = body as { code: string; errors?: { path: string }[] };
  return { status, code, ...(errors && { paths: errors.map(({ path }) => path) }) };
}
