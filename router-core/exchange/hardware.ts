import { z } from 'zod';

/** The machine of an agent, as far as it tells. Sizes are bytes. */
export interface Hardware {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly gpus: readonly Gpu[];
  /** Name and release of the operating system. */
  readonly os: string;
  /** The architecture of the processor, as Node names it: x64, arm64. */
  readonly arch: string;
  readonly node: string;
}

/** GPUs of one kind. */
export interface Gpu {
  readonly name: string;
  readonly memoryBytes: number;
  readonly driver: string;
  readonly count: number;
}

/** The labels that an operator gave an agent. */
export type Labels = Readonly<Record<string, string>>;

/** A heartbeat carries all of it while requests run: with these limits, at most 2.5 KiB. */
export const MOST_GPU_KINDS = 4;
export const MOST_HARDWARE_CHARS = 80;
export const MOST_LABELS = 16;
export const MOST_LABEL_CHARS = 1_000;

const LABEL = /^([A-Za-z0-9][A-Za-z0-9._/-]{0,62})=([A-Za-z0-9._-]{0,63})$/;

/** `zone=eu` → its name and its value; undefined for what is no label. */
export function parseLabel(text: string): [name: string, value: string] | undefined {
  const [, name, value] = LABEL.exec(text) ?? [];
  return name === undefined || value === undefined ? undefined : [name, value];
}

// Agents write these, and terminals and pages show them: no control characters, no text without end.
const text = z
  .string()
  .max(MOST_HARDWARE_CHARS)
  .regex(/^\P{C}*$/u);
const whole = z.int().min(0);

export const hardwareSchema: z.ZodType<Hardware> = z.object({
  cpu: text,
  cores: whole,
  memoryBytes: whole,
  gpus: z.array(z.object({ name: text, memoryBytes: whole, driver: text, count: whole })).max(MOST_GPU_KINDS),
  os: text,
  arch: text,
  node: text,
});

export const labelsSchema: z.ZodType<Labels> = z
  .record(z.string(), z.string())
  .refine((labels) => areLabels(Object.entries(labels).map((each) => each.join('='))));

/** True when an agent may have all of these. */
export function areLabels(texts: readonly string[]): boolean {
  return (
    texts.length <= MOST_LABELS &&
    texts.join('').length <= MOST_LABEL_CHARS &&
    texts.every((each) => parseLabel(each) !== undefined)
  );
}
