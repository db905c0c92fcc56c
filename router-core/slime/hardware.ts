import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { hardwareSchema, type Hardware } from '../exchange/hardware.ts';
import { parseJson } from '../runtime/parse-json.ts';

const MOST_BYTES = 16 * 1024;
const text = z.string().max(100);
const count = z.number().min(0).max(1e6);

/** The JSON that an agent of slime sends when it joins. */
const joinSchema = z.object({
  CPUThreads: count.default(0),
  MemoryPhysicalGB: count.default(0),
  GPUNames: z.array(text).max(16).nullish(),
  PlatformArch: text.default(''),
  PlatformOS: text.default(''),
});
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
  const said = joinSchema.safeParse(parseJson(Buffer.concat(chunks).toString())).data;
  return said && hardwareSchema.safeParse(asHardware(said)).data;
}

const GIGABYTE = 1024 ** 3;

function asHardware({
  CPUThreads,
  MemoryPhysicalGB,
  GPUNames,
  PlatformArch,
  PlatformOS,
}: z.infer<typeof joinSchema>) {
  const gpus = (GPUNames ?? []).map((name) => ({ name, memoryBytes: 0, driver: '', count: 1 }));
  const memoryBytes = Math.round(MemoryPhysicalGB * GIGABYTE);
  return {
    cpu: '',
    cores: Math.round(CPUThreads),
    memoryBytes,
    gpus,
    os: PlatformOS,
    arch: PlatformArch,
    node: '',
  };
}
