import { expect, test } from 'vitest';
import { configure, configuredHub, recordLog, type ConfigInput } from '../support/config.ts';
import { redisHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

// A hub that can be reached from elsewhere says when it asks nobody for a token.

type Auth = NonNullable<NonNullable<ConfigInput['routes']>[number]['auth']>;

const routeOf = (name: string, auth: Auth) => ({
  name,
  match: { path: `/${name}` },
  groups: [{ group: 'g' }],
  auth,
});

/** A hub on this address, its warnings, and a way to change its routes that resolves when it has taken them. */
async function start(host: string, routes: [name: string, auth: Auth][]) {
  const redis = await redisHere();
  await configure(redis.url, { groups: [{ name: 'g' }], routes: routes.map((each) => routeOf(...each)) });
  const { log, lines } = recordLog();
  await configuredHub(redis.url, { host }, log);
  const warnings = () => lines.filter(({ msg }) => msg.includes('ANYBODY'));
  const write = async (name: string, auth: Auth) => {
    const version = await configure(redis.url, { routes: [routeOf(name, auth)] });
    const isTaken = () =>
      lines.some((line) => line.msg === 'configuration taken' && line['version'] === version);
    await waitFor(isTaken, { what: 'the change to be taken' });
  };
  return { warnings, write };
}

test('on 0.0.0.0 a hub with an open route warns once, also when the routes change', async () => {
  const { warnings, write } = await start('0.0.0.0', [
    ['guarded', 'app'],
    ['open', 'none'],
  ]);
  expect(warnings()).toMatchObject([{ level: 40, host: '0.0.0.0' }]);
  await write('another', 'none');
  expect(warnings()).toHaveLength(1);
});

test('on 0.0.0.0 a hub whose routes all want an app says nothing, until one does not', async () => {
  const { warnings, write } = await start('0.0.0.0', [['guarded', 'app']]);
  await write('another', 'app');
  expect(warnings()).toEqual([]);
  await write('another', 'none');
  expect(warnings()).toHaveLength(1);
});

test('on 127.0.0.1 open routes are nothing to warn of', async () => {
  const { warnings, write } = await start('127.0.0.1', [['open', 'none']]);
  await write('another', 'none');
  expect(warnings()).toEqual([]);
});
