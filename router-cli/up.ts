import { freePort, isPortFree } from '../router-core/runtime/free-port.ts';
import type { Logger } from '../router-core/runtime/logger.ts';
import { CommandError } from '../router-core/runtime/run-command.ts';
import { closeOnSignal } from '../router-core/runtime/shutdown.ts';
import { createPartSet } from './part-set.ts';
import { startAgent, startDemo, startHub, startRedis } from './start-parts.ts';
import type { StartContext } from './start-parts.ts';
import { describe } from './up-report.ts';
import type { RunningPart } from './up-report.ts';
import type { UpConfig } from './up-settings.ts';

/**
 * Runs a whole router on loopback until it is told to stop: each part is a process of its own, started by its own
 * launcher, as it would be in production. Rejects when a part fails; by then the others have been stopped.
 */
export async function up(
  config: UpConfig,
  { env, log }: { env: NodeJS.ProcessEnv; log: Logger },
): Promise<void> {
  if (!config.demo && config.upstreams.length === 0) {
    throw new CommandError('nothing to send requests to: give --upstream URL, or --demo to try things out');
  }
  const parts = createPartSet((part, line) => {
    if (config.verbose || line.isWarning) process.stderr.write(`[${part}] ${line.text}\n`);
  });
  closeOnSignal(() => {
    console.log('\nStopping …');
    return parts.stop();
  }, log);

  try {
    const running = await Promise.race([startAll(config, { env, parts }), parts.failed]);
    console.log(describe(running, { demo: config.demo }));
    await parts.failed;
  } catch (error) {
    const wasAsked = parts.isStopping;
    await parts.stop();
    if (!wasAsked) throw error;
  }
}

async function startAll(config: UpConfig, context: StartContext): Promise<RunningPart[]> {
  const port = await choosePort(config.port);
  const [redis, demo] = await Promise.all([
    startRedis(context, config.redisUrl),
    config.demo ? startDemo(context) : undefined,
  ]);
  const upstreams = [...(demo ? [demo.address] : []), ...config.upstreams];
  const concurrency = config.concurrency ?? (config.demo ? 4 : 1);
  const [hub, ...agents] = await Promise.all([
    startHub(context, { port, redisUrl: redis.url }),
    ...upstreams.map((url, index) =>
      startAgent(context, { name: `upstream-${index + 1}`, url, concurrency, redisUrl: redis.url }),
    ),
  ]);
  return [hub, ...agents, ...(demo ? [demo] : []), redis];
}

async function choosePort(wanted: number): Promise<number> {
  if (wanted === 0) return freePort();
  const free = await isPortFree(wanted).catch((error: unknown) => {
    throw new CommandError(`cannot listen on port ${wanted}: ${String(error)}`, { exitCode: 1 });
  });
  if (free) return wanted;
  throw new CommandError(`port ${wanted} is in use: choose another with --port (0 takes any free one)`, {
    exitCode: 1,
  });
}
