import type { ClientReply } from './front/client-reply.ts';
import type { Readiness } from './drain.ts';

const REASONS = { 200: 'OK', 404: 'Not Found', 503: 'Service Unavailable' } as const;

/** Answers `/_router/live` and `/_router/ready`: for load balancers and orchestrators; never forwarded. */
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

  function answer(code: keyof typeof REASONS, status: string): void {
    const body = Buffer.from(JSON.stringify({ status }));
    const type = 'Content-Type: application/json\r\nCache-Control: no-store\r\n';
    const fields = `${type}Content-Length: ${body.length}\r\n`;
    reply.startAndEnd(code, REASONS[code], fields, method === 'HEAD' ? undefined : body);
  }
}
