import type { RunnerOptions, TestRedis } from './redis.ts';

const IMAGE = 'redis:7-alpine';

/** The same as a process, for machines that have Docker and no Redis of their own. */
export async function startRedisContainer({ port, dir, args, cleanUp }: RunnerOptions): Promise<TestRedis> {
  // Loaded only here: it takes longer than most tests.
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers');
  const started = await new GenericContainer(IMAGE)
    .withExposedPorts({ container: 6379, host: port })
    .withBindMounts([{ source: dir, target: '/data', mode: 'rw' }])
    .withUser(`${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`)
    .withCommand(['redis-server', '--save', '', '--appendonly', 'no', ...args])
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
  const runtime = await getContainerRuntimeClient();
  const container = runtime.container.getById(started.getId());

  return {
    url: `redis://${started.getHost()}:${port}`,
    port,
    dir,
    pid: undefined,
    async kill(signal) {
      await container.kill({ signal });
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await container.wait();
    },
    restart: () => started.restart(),
    async stop() {
      await started.stop();
      await cleanUp();
    },
  };
}
