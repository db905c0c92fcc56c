import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { createToken } from '../../router-core/config/token.ts';
import { addressOf, LoginCommand } from '../../router-core/redis/connection/login.ts';

const { token, stored } = createToken('agent', '2026-01-01T00:00:00Z');
const tokenLogin = { username: `mr_agent_${stored.id}`, password: token };

test.each([
  ['redis://h:1', undefined, 'redis://h:1', undefined],
  ['redis://h:1/2?family=6', undefined, 'redis://h:1/2?family=6', undefined],
  ['rediss://me:p%40ss@h/2', undefined, 'rediss://h/2', { username: 'me', password: 'p@ss' }],
  ['redis://:p@h', undefined, 'redis://h', { username: '', password: 'p' }],
  ['redis://h?username=me&password=p', undefined, 'redis://h', { username: 'me', password: 'p' }],
  ['redis://[::1]:6380', token, 'redis://[::1]:6380', tokenLogin],
  ['rediss://me:p@h/2', token, 'rediss://h/2', tokenLogin],
  ['redis://h?username=me&password=p&db=3', token, 'redis://h?db=3', tokenLogin],
])('%s with the token %s', (url, given, bare, login) => {
  expect(addressOf({ url, token: given })).toEqual({ url: bare, socket: undefined, login });
});

test.each([
  ['unix:///run/a%20b.sock', undefined, { path: '/run/a b.sock', db: 0 }, undefined],
  ['unix:///s?db=2&password=p%40', undefined, { path: '/s', db: 2 }, { username: '', password: 'p@' }],
  ['unix:///s?username=me&password=p', token, { path: '/s', db: 0 }, tokenLogin],
])('%s with the token %s is a socket', (url, given, socket, login) => {
  const address = addressOf({ url, token: given });
  expect(address).toMatchObject({ socket, login });
  expect(address.url).not.toContain('password');
});

test('AUTH carries the password and shows it to nobody', () => {
  const command = new LoginCommand(tokenLogin);
  expect(command.toWritable().toString()).toBe(
    `*3\r\n$4\r\nauth\r\n$19\r\n${tokenLogin.username}\r\n$59\r\n${token}\r\n`,
  );
  expect(inspect(command, { showHidden: true, depth: 9 })).not.toContain(token.split('_')[3]);
  expect(new LoginCommand({ username: '', password: 'p' }).toWritable().toString()).toBe(
    '*2\r\n$4\r\nauth\r\n$1\r\np\r\n',
  );
});
