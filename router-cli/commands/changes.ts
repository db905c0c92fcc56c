import { z } from 'zod';
import { printable } from '../terminal/printable.ts';
import type { Style, Tone } from '../terminal/style.ts';
import { valueInWords } from './describe-object.ts';

/** One object that a write adds, changes or removes. */
export const changeSchema = z.looseObject({
  kind: z.string(),
  name: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
  fields: z.array(z.array(z.unknown())).optional(),
});
export type Change = z.output<typeof changeSchema>;

const MARKS: Record<Change['change'], { mark: string; tone: Tone }> = {
  added: { mark: '+', tone: 'good' },
  removed: { mark: '-', tone: 'bad' },
  changed: { mark: '~', tone: 'warn' },
};

/** Like a diff: a line per object, and one per field of a changed object. */
export function describeChanges(changes: readonly Change[], style: Style): string[] {
  return changes.flatMap(({ kind, name, change, fields = [] }) => {
    const { mark, tone } = MARKS[change];
    return [
      style(tone, `${mark} ${kind} ${name}`),
      ...fields.map(([path, before, after]) => {
        const field = String(path);
        return `    ${printable(`${field}: ${valueInWords(field, before)} → ${valueInWords(field, after)}`)}`;
      }),
    ];
  });
}
