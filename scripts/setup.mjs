// Makes a fresh clone ready: npm packages and a Redis. Runs before anything is installed, so it has no dependencies.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [20, 19];

export const root = fileURLToPath(new URL('..', import.meta.url));

/** A reason to stop that a person can act on: printed without a stack. */
export class SetupError extends Error {}

export function ensureNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new SetupError(
    `Node ${OLDEST_NODE.join('.')} or newer is needed, this is ${version}: see https://nodejs.org`,
  );
}

/** `npm ci` when node_modules is missing or does not hold what package-lock.json says. */
export function ensurePackages({ folder = root, run = runCommand } = {}) {
  if (packagesAreCurrent(folder)) return;
  console.log('Installing npm packages (npm ci) …');
  // NODE_ENV=production in the environment would leave out the compiler.
  const options = ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const status = run('npm', ['ci', ...options], { cwd: folder });
  if (status !== 0) throw new SetupError('npm ci failed: see above');
}

/**
 * Times alone are not enough: npm may write the two files in either order, and a needless `npm ci` deletes
 * node_modules under the feet of whatever is running. So a newer lock file is compared before it is acted upon.
 */
function packagesAreCurrent(folder) {
  const lockFile = join(folder, 'package-lock.json');
  const installedFile = join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  if (statSync(lockFile).mtimeMs <= statSync(installedFile).mtimeMs) return true;

  const wanted = JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  const same = Object.entries(wanted).every(([path, { version, optional, peer }]) => {
    if (path === '') return true;
    return installed[path] ? installed[path].version === version : optional === true || peer === true;
  });
  const noMore = Object.keys(installed).every((path) => wanted[path] !== undefined);
  if (same && noMore) utimesSync(installedFile, new Date(), new Date());
  return same && noMore;
}

/**
 * Finds a Redis, or installs one. In this order: the one in ROUTER_REDIS_URL (unless `ownProcess`: the tests kill
 * theirs), a redis-server or valkey-server on PATH, a Docker engine, Debian's package when we are root.
 */
export async function ensureRedis({
  ownProcess = false,
  run = runCommand,
  isRoot = runsAsRoot(),
  policyFile = '/usr/sbin/policy-rc.d',
} = {}) {
  if (process.env.ROUTER_REDIS_URL && !ownProcess) return 'url';
  if (isOnPath('redis-server') || isOnPath('valkey-server')) return 'binary';
  if (isOnPath('docker') && run('docker', ['info'], { stdio: 'ignore' }) === 0) return 'docker';
  if (isRoot && isOnPath('apt-get')) {
    await installDebianRedis({ run, policyFile });
    return 'installed';
  }
  throw new SetupError(
    [
      'No Redis found. Any one of these will do:',
      '  - install redis-server or valkey-server (Debian, Ubuntu: sudo apt-get install redis-server; macOS: brew install redis)',
      '  - start Docker',
      ...(ownProcess ? [] : ['  - set ROUTER_REDIS_URL=redis://host:6379 to use one that is running']),
    ].join('\n'),
  );
}

async function installDebianRedis({ run, policyFile }) {
  console.log('No Redis found: installing the Debian package redis-server (apt-get install redis-server) …');
  const wasRunning = await redisAnswers();
  const unlock = forbidServiceStart(policyFile);
  try {
    // RUNLEVEL=1 says the same as the policy file, for machines that have a policy file of their own.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    const options = { stdio: ['ignore', 'ignore', 'inherit'], env };
    const steps = [['update'], ['install', '-y', '--no-install-recommends', 'redis-server']];
    for (const step of steps) {
      if (run('apt-get', step, options) !== 0)
        throw new SetupError(`apt-get ${step.join(' ')} failed: see above`);
    }
  } finally {
    unlock();
  }
  // With systemd the package also enables itself for the next boot.
  if (existsSync('/run/systemd/system')) run('systemctl', ['disable', 'redis-server'], { stdio: 'ignore' });
  if (!wasRunning && (await redisAnswers())) run('service', ['redis-server', 'stop'], { stdio: 'ignore' });
}

/** Debian's packages ask this file whether they may start their service; 101 means no. Never replaces one. */
function forbidServiceStart(file) {
  try {
    writeFileSync(file, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
  } catch {
    return () => {};
  }
  return () => rmSync(file, { force: true });
}

function redisAnswers() {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port: 6379, timeout: 1000 });
    const settle = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
  });
}

/** True when PATH has this program. */
export function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    if (folder === '') return false;
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program to its end in this terminal; its exit code, or 1 when it could not run. */
export function runCommand(program, args, options = {}) {
  return spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options }).status ?? 1;
}

function runsAsRoot() {
  return process.getuid?.() === 0;
}

/** Runs a script's steps; what a person can act on is printed as text, exit code 1. */
export async function main(steps) {
  try {
    ensureNode();
    await steps();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
