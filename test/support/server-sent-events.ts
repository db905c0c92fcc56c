export interface ServerSentEvent {
  data: string;
  /** When it was complete, on performance.now()'s clock. */
  atMs: number;
}

/** Reads a stream of server-sent events to its end. */
export async function readEvents(response: Response): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  const decoder = new TextDecoder();
  let pending = '';
  for await (const chunk of response.body ?? []) {
    pending += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = pending.split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block.split('\n').filter((line) => line.startsWith('data: '));
      events.push({ data: data.map((line) => line.slice(6)).join('\n'), atMs: performance.now() });
    }
  }
  return events;
}
