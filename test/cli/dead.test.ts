import { expect, test } from 'vitest';
import { useCliBench } from '../support/cli.ts';
import { withRedis } from '../support/parts.ts';

const cli = useCliBench();

test('requests dead shows what was given up and how to send it again; forget takes it off', async () => {
  expect(await cli.run(['requests', 'dead'])).toMatchObject({ code: 0, stdout: '' });
  // Before anything is configured, there are no groups but those of hubs.
  await cli.text('group', 'set', 'default', '--lease', '5s');
  const target = `/it's?q=1&${'x'.repeat(1_000)}`.slice(0, 1_000);
  await withRedis(cli.redis.url, async (client) => {
    const add = (id: string, method: string, path: string) => {
      const line = ['method', method, 'target', path, 'instance', 'slow.x', 'why', 'agent lost'];
      return client.xadd('mr:{default}:dead', '*', 'm', `${id} 2 2 s h 1 1 -`, ...line);
    };
    await add('h-1', 'GET', '/one?a=b');
    await add('h-2', 'HEAD', target);
  });

  const list = await cli.run(['requests', 'dead', '--group', 'default']);
  expect(list.stdout).toMatch(/^h-1 +default +(now|\d+s ago) +2 +slow\.x +agent lost +GET \/one\?a=b$/m);
  expect(list.stderr).toContain('requests dead --curl');
  expect(await cli.json('requests', 'dead', '--limit', '1')).toMatchObject([{ id: 'h-2', attempts: 2 }]);
  expect((await cli.text('requests', 'dead', '--curl', 'http://hub:8080/')).split('\n')).toEqual([
    '# h-2: of its target only the beginning is kept',
    String.raw`curl --globoff --path-as-is --head 'http://hub:8080${target.replace("'", String.raw`'\''`)}'`,
    "curl --globoff --path-as-is --request 'GET' 'http://hub:8080/one?a=b'",
    '',
  ]);

  expect(await cli.text('requests', 'forget', 'h-1')).toBe('h-1 was removed from the list\n');
  const again = await cli.run(['requests', 'forget', 'h-1', '--group', 'default']);
  expect(again.code).toBe(3);
  expect(again.stderr).toContain('See what there is: router-cli requests dead');
  expect(await cli.json('requests', 'dead')).toHaveLength(1);
  expect(await cli.text('audit')).toMatch(/root +127\.0\.0\.1 +forget +request h-1$/m);
});
