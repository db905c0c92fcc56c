import type { Command } from 'commander';
import { LIST_OF, type ObjectKind } from '../../router-core/config/object-kinds.ts';
import { apiPath } from '../api/client.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand } from './api-command.ts';
import { drainAgentCommand } from './drain-agent.ts';

interface Action {
  readonly kind: ObjectKind;
  readonly action: string;
  readonly about: string;
  readonly done: string;
}

const ACTIONS: readonly Action[] = [
  { kind: 'group', action: 'pause', about: 'let its requests wait', done: 'is paused: its requests wait' },
  {
    kind: 'group',
    action: 'resume',
    about: 'hand its requests out again',
    done: 'hands its requests out again',
  },
  {
    kind: 'group',
    action: 'repair',
    about: 'rebuild its state in Redis, after somebody has tampered with it',
    done: 'is repaired; within seconds hubs drop requests that no hub has sent',
  },
  { kind: 'app', action: 'pause', about: 'refuse its requests', done: 'is paused: its requests are refused' },
  { kind: 'app', action: 'resume', about: 'take its requests again', done: 'may send requests again' },
  {
    kind: 'agent',
    action: 'pause',
    about: 'let its instances pull nothing; running requests finish',
    done: 'is paused: running requests finish',
  },
  { kind: 'agent', action: 'resume', about: 'let its instances pull again', done: 'pulls again' },
];

/** The actions on an object that need only its name. */
export function actionCommands(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  for (const { action, about, done } of ACTIONS.filter((each) => each.kind === kind)) {
    addApiCommand(parent, surroundings, {
      name: action,
      args: '<name>',
      about,
      json: `the ${kind} as it is now`,
      setUp:
        () =>
        async ({ api, out, args: [name = ''] }) => {
          const { body } = await api.call('POST', apiPath(LIST_OF[kind], name, action));
          out.show(body, () => [`The ${kind} ${name} ${done}.`]);
        },
    });
  }
  if (kind === 'agent') drainAgentCommand(parent, surroundings);
}
