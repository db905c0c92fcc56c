import { describeError } from './call-errors.ts';
import type { UpstreamRequest } from '../../http/request-writer.ts';
import type { ReplyHandler } from './upstream-connection.ts';
import type { UpstreamPool } from './upstream-pool.ts';

export interface CheckOptions {
  readonly pool: UpstreamPool;
  readonly host: string;
  readonly basePath: string;
  readonly healthPath: string | undefined;
}

/** Undefined when the upstream can be called, else the reason. */
export type CheckResult = string | undefined;

const TIMEOUT_MS = 5_000;
/** The connection is closed after a longer answer. */
const MOST_BYTES = 64 * 1024;

/**
 * Checks the upstream: with a health path it must answer 2xx there, otherwise it must accept a connection. Uses the
 * connections of the calls and no others, because an upstream may serve only as many as there are slots. When all of them are
 * in use, the running calls count as health; so they do when there is no answer in time, because the upstream may be busy with
 * them.
 */
export async function checkUpstream(options: CheckOptions): Promise<CheckResult> {
  const { pool, healthPath } = options;
  const request = healthPath === undefined ? undefined : healthRequest(options, healthPath);
  for (const isLast of [false, true]) {
    const { hasIdle } = pool;
    if (hasIdle ? !request : pool.busy >= pool.slots) return undefined;
    const result = await checkOnce(options, request);
    // The upstream may have closed an idle connection in this moment; a new one gives the answer.
    if (result === undefined || !hasIdle || isLast) return result;
  }
  return undefined;
}

function healthRequest({ host, basePath }: CheckOptions, healthPath: string): UpstreamRequest {
  const lines = [`GET ${basePath}${healthPath} HTTP/1.1`, `Host: ${host}`, 'Connection: keep-alive'];
  const head = `${lines.join('\r\n')}\r\n\r\n`;
  return { method: 'GET', head, body: undefined, framing: 0, follows: false, trailers: '' };
}

function checkOnce({ pool, healthPath }: CheckOptions, request: UpstreamRequest | undefined) {
  return new Promise<CheckResult>((resolve) => {
    let bytes = 0;
    let result: CheckResult;
    const end = (outcome: CheckResult) => {
      clearTimeout(timer);
      call.abort();
      resolve(outcome);
    };
    const handler: ReplyHandler = {
      onReady: () => {
        if (!request) end(undefined);
      },
      onInterim: () => undefined,
      onHead: (status) => {
        result = status >= 200 && status < 300 ? undefined : `status ${status} on ${healthPath}`;
      },
      onBody: ({ length }) => {
        bytes += length;
        if (bytes > MOST_BYTES) end(result);
        return true;
      },
      onEnd: () => end(result),
      onError: (error) => end(describeError(error)),
    };
    const timer = setTimeout(() => {
      const others = pool.busy > 1;
      end(
        others ? undefined : `no answer${request ? ` on ${healthPath}` : ''} within ${TIMEOUT_MS / 1_000} s`,
      );
    }, TIMEOUT_MS);
    const call = request ? pool.call(request, handler) : pool.probe(handler);
  });
}
