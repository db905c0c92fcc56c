import type { Command } from 'commander';
import { agentSettings } from './agent/settings.ts';
import { hubSettings } from './hub/settings.ts';
import { createProgram } from './runtime/run-command.ts';
import { useSettings } from './runtime/settings.ts';

/** `name` is for its help and its messages. */
export function createCore(name: string): Command {
  const program = createProgram({
    name,
    about: 'One endpoint in front of many HTTP services that pull their work through Redis.',
  });

  // Each side is loaded only when it is the one to run: an agent needs no HTTP server, a hub no HTTP client.
  useSettings(program.command('hub'), hubSettings, async (config) => {
    const { runHub } = await import('./hub/main.ts');
    await runHub(config);
  }).description('take requests from clients and answer them with what an agent replies');

  useSettings(program.command('agent'), agentSettings, async (config) => {
    const { runAgent } = await import('./agent/main.ts');
    await runAgent(config);
  }).description('pull requests of a group and call the upstream beside it');

  return program;
}
