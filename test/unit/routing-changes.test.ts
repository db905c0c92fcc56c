import { expect, test } from 'vitest';
import type { Route } from '../../router-core/config/route.ts';
import { compileRoutes, RouteCompiler, RouteError } from '../../router-core/routing/compile-routes.ts';
import { createRandom, pickOne } from '../support/random.ts';
import { requestOf, routeOf } from '../support/routes.ts';

// A table made out of the last one is the table that one would make from nothing.

const HOSTS = [undefined, undefined, 'a.test', 'b.test', '*.test', '*.b.test'];
const PATHS = ['/*', '/x', '/x/*', '/x/y', '/x/y/*', '~ ^/x/[a-z]+$', '~ y'];
const TARGETS = ['/', '/x', '/x/y', '/x/y/z', '/x/q?a=1', '/q'];

test('after any change a table has the routes in the order, and finds those, that one made anew does', () => {
  const random = createRandom(7);
  const anyRoute = (name: string) => {
    const [host, path, priority] = [
      pickOne(HOSTS, random),
      pickOne(PATHS, random),
      pickOne([0, 1, 2], random),
    ];
    return routeOf({ name, priority, ...(host && { host }), path });
  };
  const requests = TARGETS.flatMap((target) =>
    ['a.test', 'b.test', 'c.b.test', 'other'].map((host) => requestOf(target, { host })),
  );
  const compiler = new RouteCompiler({ random: () => 0 });
  let routes: Route[] = [];
  for (let change = 0; change < 300; change++) {
    const name = `r${Math.floor(random() * 40)}`;
    const others = routes.filter((route) => route.name !== name);
    routes = random() < 0.3 ? others : [anyRoute(name), ...others];
    const table = compiler.compile(routes);
    const anew = compileRoutes(routes, { random: () => 0 });
    expect(table.routes.map(({ route, rank }) => [route.name, rank])).toEqual(
      anew.routes.map(({ route, rank }) => [route.name, rank]),
    );
    for (const request of requests) expect(table.match(request)).toEqual(anew.match(request));
  }
});

test('routes that are the same objects make the same table; a refused one does not spoil the next', () => {
  const compiler = new RouteCompiler();
  const [a, b] = [routeOf({ name: 'a', path: '/a' }), routeOf({ name: 'b', path: '/b' })];
  const table = compiler.compile([a, b]);
  expect(compiler.compile([b, a])).toBe(table);
  const bad = routeOf({ name: 'bad', path: '~ ^/(' });
  expect(() => compiler.compile([a, bad])).toThrow(RouteError);
  expect(compiler.compile([b, a])).toBe(table);
  expect(compiler.compile([a]).routes.map(({ route }) => route.name)).toEqual(['a']);
  expect(table.match(requestOf('/b'))?.route).toBe(b);
});

test('what has not changed is the same object in the next table', () => {
  const compiler = new RouteCompiler();
  const routes = ['a', 'b', 'c'].map((name) => routeOf({ name, path: `~ ^/${name}$` }));
  const before = compiler.compile(routes).routes;
  const changed = routeOf({ name: 'b', path: '~ ^/b$', removeHeaders: ['x'] });
  const after = compiler.compile(routes.map((route) => (route.name === 'b' ? changed : route))).routes;
  expect(after.map((route, i) => route === before[i])).toEqual([true, false, true]);
});
