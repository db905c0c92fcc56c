import cluster, { type Worker } from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { createBackoff, sleep } from '../runtime/backoff.ts';
import { changeLevelOnSignal, type LevelMessage } from '../runtime/log-level-signal.ts';
import type { Logger, LogLevel } from '../runtime/logger.ts';
import { serveMetrics } from '../runtime/metrics-server.ts';
import { closeOnSignal } from '../runtime/shutdown.ts';
import { isSingleFile } from '../runtime/source-files.ts';
import type { HubConfig } from './settings.ts';

/** A worker that has lived for this long is replaced at once, ms. */
const STABLE_MS = 10_000;

/** The variable that tells workers how to seal session tickets of TLS: a client that comes back may reach another one. */
export const TICKET_KEYS = 'ROUTER_TICKET_KEYS';

/** Keeps `workers` hub processes on one port; one that dies is replaced, with back-off when it dies young. */
export async function superviseWorkers(config: HubConfig, log: Logger): Promise<void> {
  await showMetrics(config, log);
  const stopping = new AbortController();
  const variables = { [TICKET_KEYS]: randomBytes(48).toString('hex') };
  const workers = new Set<Worker>();
  changeLevelOnSignal(log, (level) => {
    for (const worker of workers) tellLevel(worker, level);
  });

  startFromOwnFile();

  const keepOne = async () => {
    // Each worker has its own back-off: one that cannot start does not hold up the others, nor do they hurry it.
    const backoff = createBackoff({ minMs: 100, maxMs: 5_000 });
    while (!stopping.signal.aborted) {
      const worker = cluster.fork(variables);
      workers.add(worker);
      // A message that comes before the worker listens is lost.
      worker.once('listening', () => tellLevel(worker, log.level as LogLevel));
      const startedAt = performance.now();
      const code = await exitOf(worker);
      workers.delete(worker);
      if (stopping.signal.aborted) return;
      // A wrong setting, already explained by the worker: another would end the same way.
      if (code === 2) return stop(2);
      log.error({ code, pid: worker.process.pid }, 'a hub worker ended, starting another');
      if (performance.now() - startedAt > STABLE_MS) backoff.reset();
      await sleep(backoff.next(), stopping.signal);
    }
  };
  const stop = (exitCode: number) => {
    process.exitCode = exitCode;
    stopping.abort();
    for (const worker of workers) worker.process.kill('SIGTERM');
  };
  const kept = Array.from({ length: config.workers }, keepOne);

  closeOnSignal(async () => {
    // A terminal signals the workers, too. An orchestrator does not.
    stop(0);
    await Promise.all(kept);
  }, log);
  log.info({ workers: config.workers, port: config.port }, 'hub workers starting');
  await Promise.all(kept);
}

/** cluster.fork() takes argv[1] for a script. In the binary it is the binary itself, which Node puts there again at each start. */
function startFromOwnFile(): void {
  const [, , exec = '', ...args] = process.argv;
  if (isSingleFile) cluster.setupPrimary({ exec, args });
}

/** Resolves with the exit code of a worker. It is 1 when the worker could not be started: then there may be no exit. */
function exitOf(worker: Worker): Promise<number> {
  return new Promise((resolve) => {
    worker.once('exit', (code) => resolve(code));
    worker.on('error', () => {
      if (worker.process.pid === undefined) resolve(1);
    });
  });
}

function tellLevel(worker: Worker, level: LogLevel): void {
  const message: LevelMessage = { type: 'mini-router:log-level', level };
  // A worker that has just died hears nothing. Its successor is told again.
  worker.send(message, () => {});
}

/** Serves the metrics of all workers as their sum. */
async function showMetrics(config: HubConfig, log: Logger): Promise<void> {
  if (config.metricsPort === undefined) return;
  const { collectFromWorkers } = await import('../runtime/metric-registry.ts');
  await serveMetrics(config, { render: collectFromWorkers(), log });
}
