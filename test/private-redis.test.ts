import { existsSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startPrivateRedis } from '../router-cli/private-redis.ts';
import { binaryEngine } from '../router-cli/redis-engine.ts';
import { RedisStartError, startRedisProcess } from '../router-cli/redis-process.ts';
import { findProgram } from '../router-core/runtime/find-program.ts';
import { socketOf } from '../router-core/runtime/store-url.ts';
import { expectNoProcessLeft, isAlive, launch } from './support/processes.ts';
import { redisCommand } from './support/redis-command.ts';
import { startRedis } from './support/redis.ts';
import { useTemporaryDirectory } from './support/temporary-directory.ts';
import { waitFor } from './support/wait.ts';

const temporary = useTemporaryDirectory();
afterEach(expectNoProcessLeft);

describe('a private Redis', () => {
  test('answers on a socket that only its user can open, and leaves neither process nor directory', async () => {
    const redis = await startPrivateRedis();
    const { path } = socketOf(redis.url) ?? { path: '' };
    expect(await redisCommand(path, 'PING')).toBe('+PONG');
    for (const each of [path, dirname(path)]) expect((await stat(each)).mode & 0o777).toBe(0o700);
    expect(isAlive(redis.pid)).toBe(true);
    expect(await redisCommand(path, 'CONFIG GET port')).toMatch(/\r\n0$/);
    await redis.close();
    expect(isAlive(redis.pid)).toBe(false);
    expect(await temporary.entries()).toEqual([]);
  });

  test('takes a port of its own where the path of the socket would be too long', async () => {
    const TMPDIR = join(temporary.path, 'x'.repeat(100));
    await mkdir(TMPDIR);
    const command = launch('router-cli', ['private-redis'], { env: { TMPDIR } });
    const { url } = JSON.parse(await command.waitForLine('redis ready')) as { url: string };
    const port = Number(new URL(url).port);
    expect(port).not.toBe(6379);
    expect(await redisCommand(port, 'PING')).toBe('+PONG');
    await command.kill('SIGTERM');
    expect(await readdir(TMPDIR)).toEqual([]);
  });

  test('two of them do not share anything', async () => {
    const [one, other] = await Promise.all([startPrivateRedis(), startPrivateRedis()]);
    expect(await redisCommand(socketOf(one.url)?.path ?? '', 'SET a 1')).toBe('+OK');
    expect(await redisCommand(socketOf(other.url)?.path ?? '', 'EXISTS a')).toBe(':0');
    await Promise.all([one.close(), other.close()]);
  });

  test('never takes a server that already has the port for its own', async () => {
    const theirs = await startRedis();
    const program = findProgram('redis-server', 'valkey-server') ?? 'redis-server';
    const start = startRedisProcess(binaryEngine(program), { port: theirs.port, dir: theirs.dir });
    const error = await start.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RedisStartError);
    expect(error).toMatchObject({ portTaken: true });
    expect(await redisCommand(theirs.port, 'PING')).toBe('+PONG');
    await theirs.stop();
  });

  test('says what was wrong when the server does not start', async () => {
    const program = findProgram('redis-server', 'valkey-server') ?? 'redis-server';
    const args = ['--no-such-setting', 'yes'];
    const port = 1;
    await expect(startRedisProcess(binaryEngine(program), { port, dir: tmpdir(), args })).rejects.toThrow(
      /ended with code 1/,
    );
  });
});

describe('the command that runs one for `up`', () => {
  test('stops it on SIGTERM', async () => {
    const command = launch('router-cli', ['private-redis']);
    const line = JSON.parse(await command.waitForLine('redis ready')) as { redisPid: number };
    await command.kill('SIGTERM');
    expect(isAlive(line.redisPid)).toBe(false);
    expect(await temporary.entries()).toEqual([]);
  });

  test('ends with it, and says so', async () => {
    const command = launch('router-cli', ['private-redis']);
    const line = JSON.parse(await command.waitForLine('redis ready')) as { redisPid: number };
    process.kill(line.redisPid, 'SIGKILL');
    expect((await command.ended).code).toBe(1);
    expect(command.stderr).toContain('Redis was ended by SIGKILL');
    expect(await temporary.entries()).toEqual([]);
  });

  test.runIf(process.platform === 'linux')('takes it along when it is killed', async () => {
    const command = launch('router-cli', ['private-redis']);
    const line = JSON.parse(await command.waitForLine('redis ready')) as { redisPid: number };
    await command.kill('SIGKILL');
    await waitFor(() => !isAlive(line.redisPid), { what: 'the end of Redis' });
  });

  test('gives up with one line when there is nothing to run', async () => {
    const command = launch('router-cli', ['private-redis'], { env: { PATH: '/nonexistent' } });
    expect((await command.ended).code).toBe(1);
    expect(command.stderr).toContain('install redis-server or valkey-server, or start Docker');
  });
});

describe('the Redis of the tests', () => {
  test('survives a SIGKILL with its data when it is append-only', async () => {
    const redis = await startRedis({ appendOnly: true });
    expect(await redisCommand(redis.port, 'SET a 1')).toBe('+OK');
    await redis.kill('SIGKILL');
    await expect(redisCommand(redis.port, 'PING')).rejects.toThrow('ECONNREFUSED');
    await redis.restart();
    expect(await redisCommand(redis.port, 'EXISTS a')).toBe(':1');
    await redis.stop();
    expect(existsSync(redis.dir)).toBe(false);
  });

  test('forgets everything otherwise, and can be paused', async () => {
    const redis = await startRedis({ maxMemory: '64mb' });
    expect(await redisCommand(redis.port, 'SET a 1')).toBe('+OK');
    expect(await redisCommand(redis.port, 'CONFIG GET maxmemory')).toContain(String(64 * 1024 * 1024));
    await redis.restart();
    expect(await redisCommand(redis.port, 'EXISTS a')).toBe(':0');
    await redis.kill('SIGSTOP');
    await redis.stop();
    expect(existsSync(redis.dir)).toBe(false);
  });
});

describe('the support for processes', () => {
  test('fails a test that leaves one running, and ends it', async () => {
    const left = launch('router-cli', ['demo-upstream', '--port', '0']);
    await left.waitForLine('demo upstream ready');
    await expect(expectNoProcessLeft()).rejects.toThrow('demo-upstream');
    await waitFor(() => !isAlive(left.pid), { what: 'its end' });
  });

  test('shows what a process printed when a line does not come', async () => {
    await expect(launch('router-cli', ['--version']).waitForLine('never')).rejects.toThrow(/0\.\d+\.\d+/);
  });
});
