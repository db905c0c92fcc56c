import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { hardwareSchema, MOST_GPU_KINDS, type Hardware } from '../exchange/hardware.ts';
import { parseJson } from '../runtime/parse-json.ts';

const MOST_BYTES = 16 * 1024;
const GIB = 2 ** 30;

/** An agent of slime says this of its machine when it joins. */
const slimeSchema = z.object({
  CPUCores: z.number().default(0),
  CPUThreads: z.number().default(0),
  MemoryPhysicalGB: z.number().default(0),
  GPUNames: z.array(z.string()).nullish(),
  PlatformArch: z.string().default(''),
  PlatformOS: z.string().default(''),
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
  return hardwareOf(parseJson(Buffer.concat(chunks).toString()));
}

function hardwareOf(said: unknown): Hardware | undefined {
  const { data } = slimeSchema.safeParse(said);
  if (!data) return undefined;
  const { CPUCores, CPUThreads, MemoryPhysicalGB, GPUNames, PlatformArch, PlatformOS } = data;
  const machine: Hardware = {
    cpu: '',
    cores: CPUThreads || CPUCores,
    memoryBytes: Math.round(MemoryPhysicalGB * GIB),
    gpus: (GPUNames ?? []).slice(0, MOST_GPU_KINDS).map(gpuOf),
    os: PlatformOS,
    arch: PlatformArch,
    node: '',
  };
  return hardwareSchema.safeParse(machine).data;
}

/** `2x NVIDIA A100` */
function gpuOf(text: string): Hardware['gpus'][number] {
  const [, count = '1', name = text] = /^(\d{1,3})x (.*)$/.exec(text) ?? [];
  return { name, memoryBytes: 0, driver: '', count: Number(count) };
}
