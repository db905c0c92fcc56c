import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { sleep } from '../router-core/runtime/backoff.ts';
import { parseJson } from '../router-core/runtime/parse-json.ts';

export const MODEL = 'demo';

const TOKEN_EVERY_MS = 60;

const chatRequest = z.object({
  model: z.string().default(MODEL),
  stream: z.boolean().default(false),
  messages: z.array(z.object({ role: z.string(), content: z.unknown() })).default([]),
});

/** Answers like OpenAI's chat completions: in one piece, or as server-sent events, a token at a time. */
export async function answerChat(body: string, response: ServerResponse): Promise<void> {
  const request = chatRequest.safeParse(parseJson(body));
  if (!request.success) {
    return send(response, 400, { error: { message: 'expected {"messages": [{"role": …, "content": …}]}' } });
  }
  const { model, stream, messages } = request.data;
  const tokens = replyTokens(messages.at(-1)?.content);
  const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model };
  if (stream) return streamTokens(response, head, tokens);

  const usage = { prompt_tokens: 0, completion_tokens: tokens.length, total_tokens: tokens.length };
  const message = { role: 'assistant', content: tokens.join('') };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  send(response, 200, { ...head, object: 'chat.completion', choices, usage });
}

async function streamTokens(response: ServerResponse, head: object, tokens: string[]): Promise<void> {
  // Ends the tokens when the client has gone.
  const gone = new AbortController();
  response.once('close', () => gone.abort());

  const event = (delta: object, finish: string | null): string => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    return `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices })}\n\n`;
  };
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.write(event({ role: 'assistant', content: '' }, null));
  for (const content of tokens) {
    if (gone.signal.aborted) return;
    response.write(event({ content }, null));
    await sleep(TOKEN_EVERY_MS, gone.signal);
  }
  response.end(`${event({}, 'stop')}data: [DONE]\n\n`);
}

function replyTokens(question: unknown): string[] {
  const asked =
    typeof question === 'string' && question !== '' ? `You said: ${question.slice(0, 500)}` : 'Hello.';
  const text =
    `${asked} Your request went to a hub, waited in Redis until an agent had a free slot and pulled it, ` +
    'and this answer came back the same way, token by token.';
  return text.split(/(?= )/);
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
