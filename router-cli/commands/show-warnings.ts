import { z } from 'zod';
import { printable } from '../terminal/printable.ts';
import type { Output } from './api-command.ts';

const warnedSchema = z.looseObject({ warnings: z.array(z.string()).catch([]) });

/** Prints the warnings in the answer of router-api to a write. */
export function showWarnings(answer: unknown, { note }: Pick<Output, 'note'>): void {
  for (const warning of warnedSchema.parse(answer).warnings) note(printable(`warning: ${warning}`));
}
