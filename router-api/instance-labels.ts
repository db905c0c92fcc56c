import { z } from 'zod';
import { areLabels, parseLabel } from '../router-core/exchange/hardware.ts';
import type { LiveInstance } from '../router-core/redis/control/live-instance.ts';

/** The parameter of lists that labels narrow down. */
export const labelQuery = z
  .string()
  .refine((text) => areLabels(text.split(',')), 'labels are name=value, with a comma between them')
  .optional()
  .meta({
    description: 'Only those with this label; several, with commas: with all of them',
    example: 'zone=eu',
  });

/** The instances that have all labels of the parameter. */
export function labelled(
  instances: readonly LiveInstance[],
  label: string | undefined,
): readonly LiveInstance[] {
  const wanted = (label?.split(',') ?? []).flatMap((text) => {
    const parsed = parseLabel(text);
    return parsed ? [parsed] : [];
  });
  return instances.filter(({ labels }) => wanted.every(([name, value]) => labels[name] === value));
}

/** Instances report the name of their record themselves: one in another group does not belong to this record. */
export function instancesOf(
  instances: readonly LiveInstance[],
  agent: { readonly name: string; readonly group?: string },
): readonly LiveInstance[] {
  return instances.filter((each) => each.agent === agent.name && each.group === agent.group);
}
