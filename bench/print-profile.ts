/** The functions of a V8 CPU profile that took the most time themselves, for a first look without a browser. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

function nameOf({ callFrame }: ProfileNode): string {
  const file = callFrame.url.split('/').slice(-3).join('/');
  const place = file === '' ? '' : ` ${file}:${callFrame.lineNumber + 1}`;
  return `${callFrame.functionName || '(anonymous)'}${place}`;
}

function topFunctions(profile: Profile, count: number): string[] {
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node)]));
  const selfUs = new Map<string, number>();
  let busyUs = 0;
  profile.samples.forEach((id, index) => {
    const name = names.get(id) ?? '?';
    const us = profile.timeDeltas[index] ?? 0;
    if (name === '(idle)') return;
    busyUs += us;
    selfUs.set(name, (selfUs.get(name) ?? 0) + us);
  });
  return [...selfUs]
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, count)
    .map(([name, us]) => `${((us / busyUs) * 100).toFixed(1).padStart(6)} %  ${name}`);
}

export function describeProfiles(dir: string): string {
  const files = readdirSync(dir).filter((name) => name.endsWith('.cpuprofile'));
  const listings = files.map((name) => {
    const profile = JSON.parse(readFileSync(join(dir, name), 'utf8')) as Profile;
    return [
      `${join(dir, name)} (share of the busy time, own code of each function):`,
      ...topFunctions(profile, 25),
    ];
  });
  return listings.flat().join('\n') || `no profiles in ${dir}`;
}
