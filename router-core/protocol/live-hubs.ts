import type { Redis } from 'ioredis';
import { z } from 'zod';
import { CONFIG_KEYS } from './keys.ts';

/** What a hub says of itself, about once a second; `at` in Redis ms. */
export const hubReportSchema = z.object({
  name: z.string(),
  version: z.string(),
  startedAt: z.union([z.string(), z.number()]).meta({ description: 'When the hub started' }),
  address: z.string().meta({ description: 'Where it listens' }),
  configVersion: z.number().meta({ description: 'The version of the configuration that it serves' }),
  inFlight: z.number(),
  groups: z.record(z.string(), z.object({ served: z.number(), perSecond: z.number(), inFlight: z.number() })),
  at: z.number(),
});
export type HubReport = z.output<typeof hubReportSchema>;

/** A hub that has been silent for so long is gone. */
const GONE_MS = 10_000;
const FORGOTTEN_MS = 60_000;

/** Live hubs by their names in Redis. What hubs that are long gone have left is removed. */
export async function readHubReports(client: Redis, nowMs: number): Promise<Map<string, HubReport>> {
  const live = new Map<string, HubReport>();
  const forgotten: string[] = [];
  for (const [hub, json] of Object.entries(await client.hgetall(CONFIG_KEYS.hubs))) {
    const report = parseReport(json);
    if (report === undefined || report.at < nowMs - FORGOTTEN_MS) forgotten.push(hub);
    else if (report.at >= nowMs - GONE_MS) live.set(hub, report);
  }
  if (forgotten.length > 0) await client.hdel(CONFIG_KEYS.hubs, ...forgotten);
  return live;
}

function parseReport(json: string): HubReport | undefined {
  try {
    return hubReportSchema.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}
