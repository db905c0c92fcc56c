// Loaded into a process under test by NODE_OPTIONS, so that its own code needs no branch for tests. FAULT says what happens:
// "throws" and "rejects" at each SIGWINCH, "at-start" in each worker of a cluster but the first.
import cluster from 'node:cluster';

const { FAULT } = process.env;

if (FAULT === 'at-start' && cluster.isWorker && cluster.worker.id > 1)
  throw new Error('injected at the start');

process.on('SIGWINCH', () => {
  if (FAULT === 'throws')
    setImmediate(() => {
      throw new Error('injected, nobody catches it');
    });
  if (FAULT === 'rejects') void Promise.reject(new Error('injected, nobody catches it'));
});
