import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { HubReport as SentReport } from '../../exchange/hub-report.ts';
import { CONFIG_KEYS } from '../scripts/keys.ts';
import { redisNowMs } from './live-groups.ts';
import { parseJson } from '../../runtime/parse-json.ts';

/** A hub's report with the time Redis got it, Redis ms. */
export type HubReport = SentReport & { readonly at: number };

/** A hub that was silent for this long is no longer shown; it reports every two seconds. */
const GONE_MS = 10_000;

const count = z.number().catch(0);

/** Hubs of several versions may report: a missing field is empty. */
const reportSchema = z.object({
  at: count,
  name: z.string().catch(''),
  version: z.string().catch(''),
  startedAt: z.string().catch(''),
  address: z.string().catch(''),
  configVersion: count,
  inFlight: count,
  flagRoutes: z.array(z.object({ name: z.string(), path: z.string() })).catch([]),
  groups: z
    .record(
      z.string(),
      z.object({
        served: count,
        perSecond: count,
        inFlight: count,
        times: z.record(z.string(), z.number()).optional().catch(undefined),
        outcomes: z.object({ ended: count, failed: count }).optional().catch(undefined),
        fault: z.string().max(300).optional().catch(undefined),
        sums: z.record(z.string(), z.number()).optional().catch(undefined),
      }),
    )
    .catch({}),
});

/** The reports of live hubs, by their ids. The hubs delete the reports of dead ones. */
export async function readHubReports(client: Redis): Promise<Map<string, HubReport>> {
  const nowMs = await redisNowMs(client);
  const reports = new Map<string, HubReport>();
  for (const [hub, text] of Object.entries(await client.hgetall(CONFIG_KEYS.hubs))) {
    const parsed = reportSchema.safeParse(parseJson(text));
    if (parsed.success && nowMs - parsed.data.at < GONE_MS) reports.set(hub, parsed.data);
  }
  return reports;
}
