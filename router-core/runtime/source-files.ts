import { readFileSync } from 'node:fs';
import * as sea from 'node:sea';

/** True in the binary that `npm run build:binary` makes: there the program is one file, and nothing lies beside it. */
export const isSingleFile: boolean = sea.isSea();

/**
 * The text of a file that belongs to the code, such as `router-core/redis/scripts/admit.lua`. The path begins at the root of the
 * sources, and so do the names of the binary's assets. Throws when there is no such file: a broken installation.
 */
export function readSourceFile(path: string): string {
  if (isSingleFile) return sea.getAsset(path, 'utf8');
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}
