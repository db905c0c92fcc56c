import type { Command } from 'commander';
import { createProgram } from '../router-core/runtime/run-command.ts';
import { useSettings } from '../router-core/runtime/settings.ts';
import { initAdmin } from './init-admin.ts';
import { serveApi } from './serve.ts';
import { apiSettings, initAdminSettings } from './settings.ts';

/** `name` is for its help and its messages. */
export function createApiProgram(name: string): Command {
  const program = createProgram({
    name,
    about:
      'The control plane of mini-router over HTTP: groups, routes, apps, agents, admins, and what is running.',
  });

  useSettings(program, apiSettings, serveApi);
  // Both commands have --redis: after the name of the subcommand it belongs to the subcommand.
  program.enablePositionalOptions();

  // For `router-cli admin init`, which may not connect to Redis itself.
  useSettings(program.command('init-admin', { hidden: true }), initAdminSettings, initAdmin).description(
    'write an admin straight to Redis and print its token',
  );
  return program;
}
