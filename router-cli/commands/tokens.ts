import type { Command } from 'commander';
import { LIST_OF } from '../../router-core/config/object-kinds.ts';
import type { TokenKind } from '../../router-core/config/token.ts';
import { duration } from '../../router-core/runtime/options.ts';
import { apiPath, type JsonObject } from '../api/client.ts';
import { durationInWords } from '../terminal/words.ts';
import type { Surroundings } from '../surroundings.ts';
import { useAgentStart } from './agent-start.ts';
import { addApiCommand } from './api-command.ts';
import { anyText, useFlag } from './flags.ts';
import { showToken } from './show-token.ts';

/** rotate and revoke, for objects with tokens. */
export function tokenCommands(parent: Command, kind: TokenKind, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'rotate',
    args: '<name>',
    about: `make a new token for one ${kind}`,
    json: `the ${kind}, with its new \`token\``,
    setUp(command) {
      const grace = useFlag(command, {
        flag: '--grace <duration>',
        about: 'how long the old tokens stay valid (default: they end at once)',
        type: duration(),
      });
      const agentStart = kind === 'agent' ? useAgentStart(command) : undefined;
      return async (invocation) => {
        const {
          api,
          out,
          args: [name = ''],
        } = invocation;
        const graceMs = grace() ?? 0;
        const { body } = await api.call('POST', apiPath(LIST_OF[kind], name, 'rotate'), {
          body: { graceMs },
        });
        const end = graceMs === 0 ? 'have ended' : `end in ${durationInWords(graceMs)}`;
        const start = out.isData ? undefined : await agentStart?.(invocation);
        out.show(body, () => [
          `The ${kind} ${name} has a new token; the old ones ${end}.`,
          ...showToken({ kind, object: body as JsonObject, start, isNew: false }, invocation),
        ]);
      };
    },
  });

  addApiCommand(parent, surroundings, {
    name: 'revoke',
    args: '<name>',
    about: `end tokens of one ${kind} at once, and the requests that use them`,
    json: `the ${kind} as it is now`,
    asks: true,
    setUp(command) {
      const tokenId = useFlag(command, {
        flag: '--token-id <id>',
        about: 'only this one, as `show` names it (default: all)',
        type: anyText(),
      });
      return async ({ api, out, args: [name = ''], confirm, target }) => {
        const id = tokenId();
        const which = id === undefined ? 'All tokens' : `The token ${id}`;
        await confirm(`${which} of the ${kind} "${name}" at ${target.url} will end at once. Go on?`);
        const { body } = await api.call('POST', apiPath(LIST_OF[kind], name, 'revoke'), {
          body: { tokenId: id },
        });
        out.show(body, () => [`${which} of the ${kind} ${name} ${id === undefined ? 'have' : 'has'} ended.`]);
      };
    },
  });
}
