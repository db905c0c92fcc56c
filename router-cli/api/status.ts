import { z } from 'zod';

/** The shown part of the answer of GET /v1/status: an API of another version may have more fields, or fewer. */

const count = z.number().catch(0);
const quantile = z.number().nullable().catch(null);

const linkSchema = z.looseObject({ hubName: z.string(), roundTripMs: z.number().nullable() });

export const instanceSchema = z.looseObject({
  id: z.string(),
  group: z.string(),
  agent: z.string().nullable().catch(null),
  version: z.string().catch(''),
  concurrency: count,
  slots: count,
  inFlight: count,
  state: z.string().catch('unknown'),
  reason: z.string().nullable().catch(null),
  labels: z.record(z.string(), z.string()).catch({}),
  hardware: z
    .looseObject({
      cpu: z.string().catch(''),
      cores: count,
      memoryBytes: count,
      gpus: z
        .array(
          z.looseObject({
            name: z.string().catch(''),
            memoryBytes: count,
            driver: z.string().catch(''),
            count,
          }),
        )
        .catch([]),
      os: z.string().catch(''),
      arch: z.string().catch(''),
      node: z.string().catch(''),
    })
    .nullable()
    .catch(null),
  link: linkSchema.nullable().catch(null),
});

const groupSchema = z.looseObject({
  name: z.string(),
  configured: z.boolean().catch(true),
  paused: z.boolean().catch(false),
  waiting: count,
  queued: count,
  running: count,
  slots: count,
  perSecond: count,
  p50Ms: quantile,
  p99Ms: quantile,
  errorRate: quantile,
  instances: z.array(instanceSchema).catch([]),
  error: z.string().nullable().catch(null),
});

const hubSchema = z.looseObject({
  id: z.string(),
  name: z.string().catch(''),
  version: z.string().catch(''),
  startedAt: z.string().catch(''),
  address: z.string().catch(''),
  configVersion: count,
  inFlight: count,
});

export const statusSchema = z.looseObject({
  version: count,
  hubs: z.array(hubSchema).catch([]),
  groups: z.array(groupSchema).catch([]),
});

export type Status = z.output<typeof statusSchema>;
export type HubStatus = z.output<typeof hubSchema>;
export type GroupStatus = z.output<typeof groupSchema>;
export type InstanceStatus = z.output<typeof instanceSchema>;
