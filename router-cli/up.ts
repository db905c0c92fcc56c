import { createToken } from '../router-core/config/token.ts';
import { freePort, isPortFree } from '../router-core/runtime/free-port.ts';
import type { Logger } from '../router-core/runtime/logger.ts';
import { CommandError } from '../router-core/runtime/run-command.ts';
import { closeOnSignal } from '../router-core/runtime/shutdown.ts';
import { addLocalContext, type LocalContext } from './contexts/local-context.ts';
import { withoutLogin } from './contexts/redis-address.ts';
import { createPartSet } from './part-set.ts';
import { siblingOf, type Surroundings } from './surroundings.ts';
import { startAgent, startApi, startDemo, startHub, startRedis } from './start-parts.ts';
import type { StartContext } from './start-parts.ts';
import { describe, type RunningPart } from './up-report.ts';
import type { UpConfig } from './up-settings.ts';

/**
 * Runs a whole router on loopback until it is stopped: each part is a process of its own, started by its own launcher, as in
 * production. Rejects when a part fails; by then the others have been stopped.
 */
export async function up(
  config: UpConfig,
  { surroundings, log }: { surroundings: Surroundings; log: Logger },
): Promise<void> {
  if (!config.demo && config.upstreams.length === 0) {
    throw new CommandError('nothing to send requests to: give --upstream URL, or --demo to try things out');
  }
  const { env } = surroundings;
  const parts = createPartSet((part, line) => {
    if (config.verbose || line.isWarning) process.stderr.write(`[${part}] ${line.text}\n`);
  });
  let context: LocalContext | undefined;
  const forgetContext = async (): Promise<void> => {
    const own = context;
    context = undefined;
    await own
      ?.remove()
      .catch((error: unknown) => log.warn({ err: error }, 'the local context is still there'));
  };
  const stop = () => Promise.all([forgetContext(), parts.stop()]);
  closeOnSignal(async () => {
    console.log('\nStopping …');
    await stop();
  }, log);

  try {
    // Nobody else knows this token, and it ends with this process.
    const { token } = createToken('admin', new Date().toISOString());
    const started = await Promise.race([startAll(config, { env, parts }, token), parts.failed]);
    const { running, api, redis } = started;
    context = await addLocalContext(env, {
      url: api.address,
      token,
      redisUrl: withoutLogin(redis.url),
    }).catch((error: unknown) => {
      log.warn({ err: error }, 'no context for router-cli: its commands need the URL and a token');
      return undefined;
    });
    // Stopped in the meantime.
    if (parts.isStopping) await forgetContext();
    else console.log(describe(running, { demo: config.demo, status: statusCommand(surroundings, context) }));
    await parts.failed;
  } catch (error) {
    const wasAsked = parts.isStopping;
    await stop();
    if (!wasAsked) throw error;
  }
}

function statusCommand(surroundings: Surroundings, context: LocalContext | undefined): string | undefined {
  if (!context) return undefined;
  const command = `${siblingOf(surroundings, 'router-cli')} status`;
  return context.isCurrent ? command : `${command} --context ${context.name}`;
}

async function startAll(config: UpConfig, context: StartContext, token: string) {
  const [port, apiPort] = await Promise.all([choosePort(config.port), chooseApiPort(config)]);
  const [redis, demo] = await Promise.all([
    startRedis(context, config.redisUrl),
    config.demo ? startDemo(context) : undefined,
  ]);
  const upstreams = [...(demo ? [demo.address] : []), ...config.upstreams];
  const concurrency = config.concurrency ?? (config.demo ? 4 : 1);
  const [hub, api, ...agents] = await Promise.all([
    startHub(context, { port, redisUrl: redis.url }),
    startApi(context, { port: apiPort, redisUrl: redis.url, token }),
    ...upstreams.map((url, index) =>
      startAgent(context, { name: `upstream-${index + 1}`, url, concurrency, redisUrl: redis.url }),
    ),
  ]);
  const running: RunningPart[] = [hub, ...agents, api, ...(demo ? [demo] : []), redis];
  return { running, api, redis };
}

const API_PORT = 8081;

/** A given port is used or refused; otherwise the default one when it is free. */
async function chooseApiPort({ apiPort, port }: UpConfig): Promise<number> {
  if (apiPort !== undefined) return apiPort === 0 ? 0 : choosePort(apiPort, '--api-port');
  // With any port for the hub, any port will do here, too.
  if (port === 0) return 0;
  return (await isPortFree(API_PORT).catch(() => false)) ? API_PORT : 0;
}

async function choosePort(wanted: number, flag = '--port'): Promise<number> {
  if (wanted === 0) return freePort();
  const free = await isPortFree(wanted).catch((error: unknown) => {
    throw new CommandError(`cannot listen on port ${wanted}: ${String(error)}`, { exitCode: 1 });
  });
  if (free) return wanted;
  throw new CommandError(`port ${wanted} is in use: choose another with ${flag} (0 takes any free one)`, {
    exitCode: 1,
  });
}
