import { execFileSync } from 'node:child_process';

/** The first version number a program prints for `flag`, on either stream and whatever its exit code (wrk: 1). */
export function programVersion(path: string, flag: string): string {
  let said = '';
  try {
    said = execFileSync('/bin/sh', ['-c', '"$0" "$1" 2>&1', path, flag], { encoding: 'utf8' });
  } catch (error) {
    if (error instanceof Error && 'stdout' in error) said = String(error.stdout);
  }
  return /\d+\.\d+(\.\d+)?/.exec(said)?.[0] ?? 'unknown version';
}
