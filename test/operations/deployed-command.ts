import { Command } from 'commander';
import { agentSettings } from '../../router-core/agent/settings.ts';
import { hubSettings } from '../../router-core/hub/settings.ts';
import { useSettings, type Settings } from '../../router-core/runtime/settings.ts';
import { apiSettings } from '../../router-api/settings.ts';

const PARTS: Record<string, Settings> = {
  'router-core hub': hubSettings,
  'router-core agent': agentSettings,
  'router-api': apiSettings,
};

/** Every variable that a part knows. */
export function knownVariables(): Set<string> {
  const commands = Object.values(PARTS).map((settings) =>
    useSettings(new Command(), settings, () => Promise.resolve()),
  );
  return new Set(commands.flatMap(({ options }) => options.map(({ envVar }) => envVar ?? '')));
}

/** Which part these words start, if they start one. */
export function partOf(words: readonly string[]): string | undefined {
  return Object.keys(PARTS).find((part) => `${words.join(' ')} `.startsWith(`${part} `));
}

/**
 * The config with which a part would run for a command line in an environment, or its complaint. Unknown variables are
 * complained about, too.
 */
export async function startupOf(
  words: readonly string[],
  env: Record<string, string>,
): Promise<{ config?: Record<string, unknown>; complaint?: string }> {
  const part = partOf(words) ?? '';
  const settings = PARTS[part];
  if (!settings) return { complaint: `no part of this project: ${words.join(' ')}` };
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    let config: Record<string, unknown> = {};
    const command = useSettings(new Command(part), settings, async (parsed) => void (config = { ...parsed }));
    const names = new Set(command.options.map(({ envVar }) => envVar));
    const unknown = Object.keys(env).filter((name) => name.startsWith('ROUTER_') && !names.has(name));
    if (unknown.length > 0) return { complaint: `${part} knows no ${unknown.join(', ')}` };
    command.exitOverride().configureOutput({ writeErr: () => {} });
    await command.parseAsync(words.slice(part.split(' ').length), { from: 'user' });
    return { config };
  } catch (error) {
    return { complaint: `${words.join(' ')}: ${String(error)}` };
  } finally {
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}
