import type { Command } from 'commander';
import { z } from 'zod';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { duration } from '../../router-core/runtime/options.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { ApiClient, apiPath } from '../api/client.ts';
import { ApiFailure } from '../api/failure.ts';
import { instanceSchema, type InstanceStatus } from '../api/status.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { printable } from '../terminal/printable.ts';
import { showProgress } from '../terminal/progress.ts';
import { count, durationInWords } from '../terminal/words.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand, type ApiInvocation } from './api-command.ts';
import { useFlag } from './flags.ts';

const TIMEOUT_MS = 300_000;
const LOOK_EVERY_MS = 500;
/** The most running instances that are named; a longer list would hide the message. */
const MOST_NAMED = 10;

/** `agent drain`: sets the state, and with `--wait` waits until no instance of the agent runs. */
export function drainAgentCommand(parent: Command, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'drain',
    args: '<name>',
    about: 'let its instances finish their requests, and end',
    json: 'the agent as it is now',
    setUp(command) {
      command.option('--wait', 'wait until the last of them has ended');
      const timeout = useFlag(command, {
        flag: '--timeout <duration>',
        about: 'with --wait: how long to wait before it fails (default: 5m)',
        type: duration(),
      });
      return async (invocation) => {
        const {
          api,
          out,
          args: [name = ''],
        } = invocation;
        const [isWaiting, timeoutMs] = [command.getOptionValue('wait') === true, timeout()];
        if (!isWaiting && timeoutMs !== undefined) throw new CommandError('--timeout goes with --wait');
        const { body } = await api.call('POST', apiPath('agents', name, 'drain'));
        if (isWaiting) await waitUntilGone(name, timeoutMs ?? TIMEOUT_MS, invocation);
        const done = isWaiting
          ? 'has drained: no instance of it is left'
          : 'drains: its instances finish their requests, and end';
        out.show(body, () => [`The agent ${name} ${done}.`]);
      };
    },
  });
}

/** Rejects when instances still run after that time, or when the API did not answer. */
async function waitUntilGone(name: string, timeoutMs: number, { target }: ApiInvocation): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  // Without progress of its own: one covers the whole wait.
  const api = new ApiClient(target);
  const progress = changingProgress();
  try {
    for (;;) {
      const left = await instancesOf(name, api);
      if (!(left instanceof ApiFailure)) {
        if (left.length === 0) return;
        progress.show(`waiting for ${whatRuns(left)} …`);
      }
      if (performance.now() >= endMs)
        throw left instanceof ApiFailure ? left : stillThere(name, left, timeoutMs);
      await sleep(Math.min(LOOK_EVERY_MS, Math.max(0, endMs - performance.now())));
    }
  } finally {
    progress.end();
  }
}

/** The failure when the API is temporarily away: the agent drains without it. */
async function instancesOf(name: string, api: ApiClient): Promise<InstanceStatus[] | ApiFailure> {
  try {
    return z.array(instanceSchema).parse(await api.list(apiPath('agents', name, 'instances')));
  } catch (error) {
    if (error instanceof ApiFailure && error.exitCode === EXIT_CODES.unreachable.code) return error;
    throw error;
  }
}

function whatRuns(instances: readonly InstanceStatus[]): string {
  const running = instances.reduce((sum, { inFlight }) => sum + inFlight, 0);
  return `${count(instances.length, 'instance')} with ${count(running, 'request')}`;
}

function stillThere(name: string, left: readonly InstanceStatus[], timeoutMs: number): CommandError {
  const named = left
    .slice(0, MOST_NAMED)
    .map(
      ({ id, state, inFlight }) => `  ${printable(id)}: ${printable(state)}, ${count(inFlight, 'request')}`,
    );
  const more = left.length > MOST_NAMED ? [`  and ${left.length - MOST_NAMED} more`] : [];
  const group = printable(left[0]?.group ?? '');
  const lines = [
    `after ${durationInWords(timeoutMs)} the agent ${name} still has ${whatRuns(left)}`,
    ...named,
    ...more,
    `  It goes on draining. See what runs: router-cli requests list --group ${group}`,
  ];
  return new CommandError(lines.join('\n'), { exitCode: EXIT_CODES.failed.code });
}

/** Progress whose text can change. */
function changingProgress(): { show: (text: string) => void; end: () => void } {
  let shown = '';
  let end: () => void = () => undefined;
  return {
    show(text) {
      if (text === shown) return;
      end();
      shown = text;
      end = showProgress(text);
    },
    end: () => end(),
  };
}
