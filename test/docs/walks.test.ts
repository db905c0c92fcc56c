import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { readFile, section } from './markdown.ts';

const STEP = /^\d+\. .*: \[([\w.-]+)\]\(\.\.\/([^)]+)\)$/;

/** The problems of a walk: steps without exactly one file at their end, and files that do not exist. */
function problemsOf(walk: string): string[] {
  const steps = walk.split('\n').filter((line) => /^\d+\. /.test(line));
  if (steps.length < 5) return ['too few steps'];
  return steps.filter((step) => {
    const [, name = '', path = ''] = STEP.exec(step) ?? [];
    const hasOneFile = step.split('](').length === 2 && path.endsWith(`/${name}`);
    return !hasOneFile || !existsSync(join(packageFolder(), path));
  });
}

test.each(['## Walk: a request', '## Walk: a change of the configuration'])(
  'each step of "%s" names one file that exists',
  (heading) => {
    const walk = section(readFile('docs/architecture.md'), heading);
    expect(problemsOf(walk)).toEqual([]);
    const broken = walk.replace(/\/(?=[\w-]+\.(?:ts|lua)\))/, '/nowhere/');
    expect(problemsOf(broken)).toHaveLength(1);
  },
);
