import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasClusters } from '../support/engine.ts';
import { startRedis } from '../support/redis.ts';
import { startTestAgent, startTestHub, startUpstream, uniqueGroup } from '../support/router.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';
import { waitFor } from '../support/wait.ts';

const temporary = useTemporaryDirectory();

// In a container the socket would be out of reach, and Dragonfly has another flag for it.
test.runIf(hasClusters() && process.env['TEST_CLUSTER'] !== '1')(
  'hub and agent reach Redis through a Unix socket, with a login and in a database of their own, and find it again',
  async () => {
    // A space: what a URL writes in another way than a path.
    const socket = join(temporary.path, 'redis of mine.sock');
    const redis = await startRedis({ args: ['--unixsocket', socket, '--requirepass', 'se/cret'] });
    const url = `unix://${encodeURI(socket)}?db=3&password=${encodeURIComponent('se/cret')}`;
    const group = uniqueGroup();
    const upstream = await startUpstream((_req, res) => void res.end('done'));
    const hub = await startTestHub(url, group);
    const agent = await startTestAgent(url, group, upstream.url);

    const get = async () => {
      const response = await fetch(`${hub.url}/`);
      return `${response.status} ${await response.text()}`;
    };
    expect(await get()).toBe('200 done');
    await redis.restart();
    await waitFor(async () => (await get()) === '200 done', { what: 'an answer after the restart' });

    await Promise.all([hub.close(), agent.close(), upstream.close()]);
    await redis.stop();
  },
);
