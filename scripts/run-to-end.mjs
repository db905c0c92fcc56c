// Runs what an npm script is for, so that it ends with npm: `npm start` and the others leave nothing behind.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { root } from './setup.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** npm passes on the SIGINT of a Ctrl-C that the terminal has sent us as well: both count as one. */
const SAME_SIGNAL_MS = 300;
const PARENT_CHECK_MS = 500;

// A SIGKILL of npm tells us nothing, but another process becomes our parent. Started by hand, we may outlive a shell.
const npmPid = process.env.npm_lifecycle_event === undefined ? undefined : process.ppid;

/**
 * Runs a program in this terminal to its end and resolves with its exit code. It leads a process group of its own:
 * a signal to us reaches all of the group, workers of vitest and what they have started included.
 */
export async function runToEnd(program, args, options = {}) {
  const child = spawn(program, args, { cwd: root, stdio: 'inherit', ...options, detached: true });
  const stopForwarding = forwardSignals((signal) => signalGroup(child.pid, signal));
  const watch = setInterval(() => {
    if (npmPid === undefined || process.ppid === npmPid) return;
    clearInterval(watch);
    signalGroup(child.pid, 'SIGTERM');
  }, PARENT_CHECK_MS);
  try {
    return await exitCodeOf(child);
  } finally {
    clearInterval(watch);
    stopForwarding();
  }
}

function exitCodeOf(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

function forwardSignals(send) {
  const sentAtMs = new Map();
  const forward = (signal) => {
    const nowMs = performance.now();
    if (nowMs - (sentAtMs.get(signal) ?? -Infinity) < SAME_SIGNAL_MS) return;
    sentAtMs.set(signal, nowMs);
    send(signal);
  };
  for (const signal of SIGNALS) process.on(signal, forward);
  return () => {
    for (const signal of SIGNALS) process.off(signal, forward);
  };
}

function signalGroup(leader, signal) {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
