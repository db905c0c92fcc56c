import type { Command } from 'commander';
import { OBJECT_KINDS, type ObjectKind } from '../router-core/config/object-kinds.ts';
import { TOKEN_KINDS } from '../router-core/config/token.ts';
import { createProgram } from '../router-core/runtime/run-command.ts';
import { useSettings } from '../router-core/runtime/settings.ts';
import { adminInitSettings, initAdmin, printAdminToken } from './admin.ts';
import { actionCommands } from './commands/actions.ts';
import type { Surroundings } from './surroundings.ts';
import { auditCommand } from './commands/audit.ts';
import { completionCommands } from './commands/completion.ts';
import { configCommands } from './commands/config.ts';
import { contextCommands } from './commands/context.ts';
import { logsCommand } from './commands/logs.ts';
import { loginCommand } from './commands/login.ts';
import { objectCommands } from './commands/objects.ts';
import { requestCommands } from './commands/requests.ts';
import { statusCommand } from './commands/status.ts';
import { testRouteCommand } from './commands/test-route.ts';
import { tokenCommands } from './commands/tokens.ts';
import { topCommand } from './commands/top.ts';
import { SPELLINGS } from './spellings.ts';
import { serverCommands } from './server-commands.ts';

const ABOUT: Readonly<Record<ObjectKind, string>> = {
  group: 'groups: interchangeable services, their waiting line and their limits',
  route: 'routes: which requests go to which group',
  app: 'apps: clients with tokens and limits of their own',
  agent: 'agents: processes that pull requests for the services of a group',
  admin: 'admins: who may use router-api',
};

/** All commands of router-cli. Nothing runs before the arguments are parsed. */
export function createCli(surroundings: Surroundings): Command {
  const program = createProgram({
    name: surroundings.binary === undefined ? 'router-cli' : 'mini-router cli',
    about: 'Run and manage mini-router.',
  });
  serverCommands(program, surroundings);
  loginCommand(program, surroundings);
  contextCommands(program, surroundings);
  statusCommand(program, surroundings);
  topCommand(program, surroundings);
  for (const kind of OBJECT_KINDS) {
    const parent = program.command(kind).description(ABOUT[kind]);
    if (kind === 'admin') directAdminCommands(parent, surroundings.env);
    objectCommands(parent, kind, surroundings);
    if (kind === 'route') testRouteCommand(parent, surroundings);
    actionCommands(parent, kind, surroundings);
    const tokenKind = TOKEN_KINDS.find((each) => each === kind);
    if (tokenKind) tokenCommands(parent, tokenKind, surroundings);
  }
  configCommands(program, surroundings);
  requestCommands(program, surroundings);
  auditCommand(program, surroundings);
  logsCommand(program, surroundings);
  completionCommands(program, surroundings);
  program.addHelpText('after', SPELLINGS);
  return program;
}

/** Commands that need no API: there may be none yet, or no admin who could use it. */
function directAdminCommands(parent: Command, env: NodeJS.ProcessEnv): void {
  useSettings(parent.command('init'), adminInitSettings, (config) => initAdmin(config, env)).description(
    'write an admin straight to Redis and print its token: for the first one, or when all tokens are lost',
  );
  useSettings(parent.command('token'), {}, () => Promise.resolve(printAdminToken())).description(
    'print a new token for the ROUTER_ADMIN_TOKEN of router-api; it is stored nowhere',
  );
}
