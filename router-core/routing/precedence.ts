import { isFlagRoute } from '../config/flag-route.ts';
import type { CompiledRoute } from './compile-route.ts';

/** Longer than any host or prefix. */
const FIRST = 1_000_000;
const SECOND = FIRST - 1;

/**
 * Orders routes by who gets a request that several match: higher priority, more specific host, more specific path, more
 * header conditions, methods named rather than any, stored ones before those of hubs' flags, and at last the name. Hub and API
 * agree because both ask here.
 */
export function comparePrecedence(a: CompiledRoute, b: CompiledRoute): number {
  return (
    b.route.priority - a.route.priority ||
    hostSpecificity(b) - hostSpecificity(a) ||
    pathSpecificity(b) - pathSpecificity(a) ||
    b.headers.length - a.headers.length ||
    Number(namesMethods(b)) - Number(namesMethods(a)) ||
    Number(isFlagRoute(a.route)) - Number(isFlagRoute(b.route)) ||
    // Not localeCompare, which depends on the machine.
    (a.route.name < b.route.name ? -1 : Number(a.route.name > b.route.name))
  );
}

function hostSpecificity({ host }: CompiledRoute): number {
  if (host.kind === 'exact') return FIRST;
  return host.kind === 'below' ? host.host.length : 0;
}

/** Expressions come after exact paths and before prefixes: how specific one is cannot be told from its length. */
function pathSpecificity({ path }: CompiledRoute): number {
  if (path.kind === 'exact') return FIRST;
  return path.kind === 'prefix' ? path.prefix.length : SECOND;
}

const namesMethods = ({ route }: CompiledRoute): boolean => route.match.methods.length > 0;
