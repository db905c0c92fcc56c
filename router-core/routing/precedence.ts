import { isFlagRoute } from '../config/flag-route.ts';
import type { CompiledRoute } from './compile-route.ts';

/** Longer than any host or prefix. */
const FIRST = 1_000_000;
const SECOND = FIRST - 1;

/**
 * Orders routes that match the same request: higher priority, more specific host, more specific path, more header conditions,
 * named methods before any method, stored routes before those of hubs' flags, then the name. Hubs and router-api agree because
 * both call this.
 */
export function comparePrecedence(a: CompiledRoute, b: CompiledRoute): number {
  return (
    b.route.priority - a.route.priority ||
    hostSpecificity(b) - hostSpecificity(a) ||
    pathSpecificity(b) - pathSpecificity(a) ||
    b.headers.length - a.headers.length ||
    Number(namesMethods(b)) - Number(namesMethods(a)) ||
    Number(isFlagRoute(a.route)) - Number(isFlagRoute(b.route)) ||
    // localeCompare would depend on the locale of the machine.
    (a.route.name < b.route.name ? -1 : Number(a.route.name > b.route.name))
  );
}

function hostSpecificity({ host }: CompiledRoute): number {
  if (host.kind === 'exact') return FIRST;
  return host.kind === 'below' ? host.host.length : 0;
}

/** Expressions come after exact paths and before prefixes: their length does not show how specific they are. */
function pathSpecificity({ path }: CompiledRoute): number {
  if (path.kind === 'exact') return FIRST;
  return path.kind === 'prefix' ? path.prefix.length : SECOND;
}

const namesMethods = ({ route }: CompiledRoute): boolean => route.match.methods.length > 0;
