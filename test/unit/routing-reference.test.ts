import { expect, test } from 'vitest';
import type { Route } from '../../router-core/config/route.ts';
import { compileRoutes } from '../../router-core/routing/compile-routes.ts';
import { explainRoutes } from '../../router-core/routing/explain-routes.ts';
import { createRandom, pickOne } from '../support/random.ts';
import { requestOf, routeOf } from '../support/routes.ts';

/*
 * The table against the plainest matcher there is: sort all routes, take the first that matches. Few hosts, segments,
 * methods and headers, so that routes get in each other's way.
 */

type Options = Required<NonNullable<Parameters<typeof requestOf>[1]>>;

const SEGMENTS = ['', 'a', 'b', 'ab', '%2F', '__proto__'];
const ROUTE_HOSTS = [undefined, undefined, 'a.test', 'b.a.test', '*.test', '*.a.test', '*.b.a.test'];
const HOSTS = ['a.test', 'B.a.test:80', 'c.b.a.test.', 'x.test', 'test', '', '.a.test', 'a.test.evil'];
const EXPRESSIONS = ['^/a', 'b$', '/(a|b)/', '^/$', '%2F', '^/[^/]*$'];

function randomPath(random: () => number): string {
  return `/${Array.from({ length: 1 + Math.floor(random() * 4) }, () => pickOne(SEGMENTS, random)).join('/')}`;
}

function randomRoute(name: string, random: () => number): Route {
  const kind = random();
  const base = random() < 0.3 ? '' : randomPath(random);
  const path = kind < 0.4 ? base || '/' : kind < 0.8 ? `${base}/*` : `~ ${pickOne(EXPRESSIONS, random)}`;
  return routeOf({
    name,
    path,
    host: pickOne(ROUTE_HOSTS, random),
    priority: random() < 0.7 ? 0 : Math.floor(random() * 3) - 1,
    methods: random() < 0.7 ? [] : pickOne([['GET'], ['POST'], ['GET', 'POST']], random),
    headers: ['x-a', 'x-b'].filter(() => random() < 0.2).map((header) => ({ name: header, value: '1' })),
  });
}

function hostRank(route: Route, authority: string): number {
  const host = authority.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  const wanted = route.match.host;
  if (wanted === undefined) return 0;
  if (wanted.startsWith('*'))
    return host.endsWith(wanted.slice(1)) && host.length >= wanted.length ? wanted.length : -1;
  return host === wanted ? 1_000 : -1;
}

function pathRank({ match: { path: wanted } }: Route, path: string): number {
  if (wanted.startsWith('~ ')) return new RegExp(wanted.slice(2)).test(path) ? 5_000 : -1;
  if (wanted.endsWith('/*')) return `${path}/`.startsWith(wanted.slice(0, -1)) ? wanted.length : -1;
  return path === wanted ? 10_000 : -1;
}

function referenceMatch(routes: readonly Route[], target: string, options: Options): string | undefined {
  const path = target.replace(/\?.*/, '');
  const matching = routes
    .map((route) => ({ route, host: hostRank(route, options.host), path: pathRank(route, path) }))
    .filter((each) => each.host >= 0 && each.path >= 0)
    .filter(({ route: { match } }) => match.methods.length === 0 || match.methods.includes(options.method))
    .filter(({ route: { match } }) => match.headers.every(({ name }) => options.headers[name] === '1'));
  matching.sort(
    (a, b) =>
      b.route.priority - a.route.priority ||
      b.host - a.host ||
      b.path - a.path ||
      b.route.match.headers.length - a.route.match.headers.length ||
      Math.sign(b.route.match.methods.length) - Math.sign(a.route.match.methods.length) ||
      (a.route.name < b.route.name ? -1 : 1),
  );
  return matching[0]?.route.name;
}

test.each([1, 2, 3, 4])(
  'the table finds what sorting and trying all routes finds, and can explain it (seed %d)',
  (seed) => {
    const random = createRandom(seed);
    const outcomes = new Map<string | undefined, number>();
    for (let round = 0; round < 60; round++) {
      const routes = Array.from({ length: 1 + Math.floor(random() * 40) }, (_, i) =>
        randomRoute(`r${i}`, random),
      );
      const table = compileRoutes(routes);
      for (let i = 0; i < 60; i++) {
        const target = randomPath(random) + pickOne(['', '?', '?/a/b'], random);
        const options: Options = {
          method: pickOne(['GET', 'POST', 'PUT'], random),
          host: pickOne(HOSTS, random),
          headers: pickOne([{}, { 'x-a': '1' }, { 'x-a': '1', 'x-b': '1' }, { 'x-b': '2' }], random),
        };
        const expected = referenceMatch(routes, target, options);
        const request = requestOf(target, options);
        const seen = table.match(request)?.route.name;
        if (seen !== expected) {
          // Only now: writing them down takes longer than matching.
          expect({ routes, target, options, seen }).toEqual({ routes, target, options, seen: expected });
        }
        outcomes.set(expected, (outcomes.get(expected) ?? 0) + 1);
        if (i % 10 === 0) expectExplained(table, request, expected);
      }
    }
    // Enough of each: a generator that misses all routes, or always hits the same one, would prove nothing.
    expect(outcomes.get(undefined)).toBeGreaterThan(100);
    expect(outcomes.size).toBeGreaterThan(30);
  },
);

/** No route that comes before the one that matched is said to match, and every other one has a reason. */
function expectExplained(
  table: ReturnType<typeof compileRoutes>,
  request: ReturnType<typeof requestOf>,
  expected: string | undefined,
): void {
  const { matched, rejected } = explainRoutes(table, request);
  expect(matched).toBe(expected);
  expect(rejected).toHaveLength(table.routes.length - (matched === undefined ? 0 : 1));
  const order = table.routes.map(({ route }) => route.name);
  const outranked = /^(less specific|lower priority|as specific)/;
  for (const { route, why } of rejected) {
    expect(why).toMatch(/^(host|path|method|header x-[ab]): |^less specific|^lower priority|^as specific/);
    const comesLater = matched !== undefined && order.indexOf(route) > order.indexOf(matched);
    if (!comesLater) expect(why).not.toMatch(outranked);
  }
}
