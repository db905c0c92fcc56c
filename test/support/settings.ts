import { vi } from 'vitest';
import { createProgram } from '../../router-core/runtime/run-command.ts';
import { useSettings } from '../../router-core/runtime/settings.ts';
import type { ConfigOf, Settings } from '../../router-core/runtime/settings.ts';

/** The config that a command with these settings would run with, for these flags and variables. */
export async function configFor<S extends Settings>(
  settings: S,
  flags: string[],
  variables: Record<string, string> = {},
): Promise<ConfigOf<S>> {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  try {
    let config: ConfigOf<S> | undefined;
    const program = createProgram({ name: 'test', about: '' }).configureOutput({
      outputError: () => undefined,
    });
    useSettings(program, settings, (parsed) => {
      config = parsed;
      return Promise.resolve();
    });
    await program.parseAsync(['node', 'test', ...flags]);
    if (config === undefined) throw new Error('the command did not run');
    return config;
  } finally {
    vi.unstubAllEnvs();
  }
}
