import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { parseJson } from '../runtime/parse-json.ts';

const MOST_BYTES = 16 * 1024;
const text = z.string().max(100);
const count = z.number().min(0).max(1e6);

/** What an agent of slime says of its machine when it joins. */
const hardwareSchema = z.object({
  CPUCores: count.default(0),
  CPUThreads: count.default(0),
  MemoryUsableGB: count.default(0),
  MemoryPhysicalGB: count.default(0),
  GPUNames: z.array(text).max(16).nullish(),
  PlatformArch: text.default(''),
  PlatformOS: text.default(''),
});
export type Hardware = z.infer<typeof hardwareSchema>;

/**
 * Reads the body of a join. Undefined when there is none, too much, or nothing that can be shown: an agent is not turned away for
 * that.
 */
export async function readHardware(request: IncomingMessage): Promise<Hardware | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return hardwareSchema.safeParse(parseJson(Buffer.concat(chunks).toString())).data;
}
