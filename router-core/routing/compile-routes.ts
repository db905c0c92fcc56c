import type { Route } from '../config/route.ts';
import { atOnce, isPause, type Steps } from '../config/steps.ts';
import { mergeInSteps, sortInSteps } from './sort-in-steps.ts';
import { compileRoute, type RouteProblem } from './compile-route.ts';
import type { Random } from './pick-group.ts';
import { comparePrecedence } from './precedence.ts';
import type { RankedRoute } from './route-search.ts';
import { RouteTable } from './route-table.ts';

/** A route that its schema accepts but that cannot be compiled. */
export class RouteError extends Error {
  override readonly name = 'RouteError';
  /** The name of the route. */
  readonly route: string;
  /** The path of the field. */
  readonly path: readonly (string | number)[];

  constructor(route: string, { path, message }: RouteProblem) {
    super(message);
    this.route = route;
    this.path = path;
  }
}

export interface RouteTableOptions {
  /** Random numbers for drawing a group by weight. Default: Math.random. */
  readonly random?: Random;
}

/** Builds the table that requests are matched with, see RouteCompiler.compile. */
export function compileRoutes(routes: readonly Route[], options?: RouteTableOptions): RouteTable {
  return new RouteCompiler(options).compile(routes);
}

interface KnownRoute {
  /** The number of the call that used it last. */
  call: number;
  /** The compiled route, until a table contains it. */
  unplaced: RankedRoute | undefined;
}

/** Called for each route that cannot be compiled. Such routes are omitted. */
export type OnBadRoute = (error: RouteError) => void;

/**
 * Builds one table after the other from routes most of which stay the same. A route object that was in the last table is
 * neither compiled nor sorted again: with 10,000 routes a change costs only this.
 */
export class RouteCompiler {
  readonly #random: Random;
  #table: RouteTable;
  /** The routes of the last table, and those compiled for a table that was not finished. */
  readonly #known = new Map<Route, KnownRoute>();
  #calls = 0;

  constructor({ random = Math.random }: RouteTableOptions = {}) {
    this.#random = random;
    this.#table = atOnce(RouteTable.build([], random));
  }

  /** See compileInSteps; throws RouteError for the first route that cannot be compiled. */
  compile(routes: readonly Route[]): RouteTable {
    const refuse = (error: RouteError) => {
      throw error;
    };
    return atOnce(this.compileInSteps(routes, refuse));
  }

  /**
   * Expects routes that their schema has accepted. Calls `onBad` for a regular expression that RE2 refuses or that could take
   * long, and for a rewrite that refers to captures that do not exist. When the caller abandons it, the next call starts from
   * the last table and reuses the routes that were compiled.
   */
  *compileInSteps(routes: readonly Route[], onBad: OnBadRoute): Steps<RouteTable> {
    const call = (this.#calls += 1);
    const added: RankedRoute[] = [];
    for (const route of routes) {
      yield;
      const known = this.#known.get(route) ?? this.#add(route, onBad);
      if (!known) continue;
      known.call = call;
      if (known.unplaced) added.push(known.unplaced);
    }
    const last = this.#table.routes;
    const kept: RankedRoute[] = [];
    for (const [i, each] of last.entries()) {
      if (isPause(i)) yield;
      if (this.#known.get(each.route)?.call === call) kept.push(each);
    }
    if (added.length === 0 && kept.length === last.length) return this.#table;
    const sorted = yield* sortInSteps(added, comparePrecedence);
    const ranked = yield* rankInSteps(yield* mergeInSteps(kept, sorted, comparePrecedence));
    const table = yield* RouteTable.build(ranked, this.#random, this.#table);
    // No pause from here on: the table and the known routes change together.
    this.#table = table;
    for (const [route, known] of this.#known) {
      if (known.call === call) known.unplaced = undefined;
      else this.#known.delete(route);
    }
    return table;
  }

  #add(route: Route, onBad: OnBadRoute): KnownRoute | undefined {
    const result = compileRoute(route);
    if (!result.ok) {
      const [problem = { path: [], message: 'invalid' }] = result.problems;
      onBad(new RouteError(route.name, problem));
      return undefined;
    }
    const known = { call: 0, unplaced: { ...result.compiled, rank: -1 } };
    this.#known.set(route, known);
    return known;
  }
}

function* rankInSteps(ordered: readonly RankedRoute[]): Steps<RankedRoute[]> {
  const ranked: RankedRoute[] = [];
  for (const [rank, route] of ordered.entries()) {
    if (isPause(rank)) yield;
    ranked.push(route.rank === rank ? route : { ...route, rank });
  }
  return ranked;
}
