import { STATUS_CODES } from 'node:http';
import type { ClientReply } from './front/client-reply.ts';
import type { Readiness } from './drain.ts';

/** `/_router/live` and `/_router/ready`: for load balancers and orchestrators; never forwarded. */
export function answerControl(
  target: string,
  method: string,
  reply: ClientReply,
  readiness: Readiness,
): void {
  const path = target.split('?')[0];
  if (path === '/_router/live') return answer(200, 'ok');
  if (path !== '/_router/ready') return answer(404, 'not found');
  const whyNot = readiness.probe();
  answer(whyNot === undefined ? 200 : 503, whyNot ?? 'ok');

  function answer(code: number, status: string): void {
    const body = Buffer.from(JSON.stringify({ status }));
    const type = 'Content-Type: application/json\r\nCache-Control: no-store\r\n';
    const fields = `${type}Content-Length: ${body.length}\r\n`;
    reply.startAndEnd(code, STATUS_CODES[code] ?? '', fields, method === 'HEAD' ? undefined : body);
  }
}
