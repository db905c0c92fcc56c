import type { Redis } from 'ioredis';

const LOOK_EVERY_MS = 250;

/**
 * Ends a client whose server owes it an answer and has sent nothing for `silenceMs`, and up to two looks longer. ioredis has
 * an option for this (`socketTimeout`), with a timer and a listener for every answer: 4 % of an agent's work for a single
 * request. It counts looks, because a process that was frozen finds unread data after one of them.
 */
export function watchSilence(client: Redis, silenceMs: number): void {
  let heard = -1;
  let silentLooks = 0;
  const look = () => {
    const { bytesRead = 0 } = (client.stream as typeof client.stream | undefined) ?? {};
    const isSilent = client.commandQueue.length > 0 && bytesRead === heard;
    heard = bytesRead;
    silentLooks = isSilent ? silentLooks + 1 : 0;
    // The first look may come right after the question.
    if ((silentLooks - 1) * LOOK_EVERY_MS < silenceMs) return;
    client.stream.destroy(new Error(`no answer within ${silenceMs} ms`));
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  client.once('end', () => clearInterval(timer));
}
