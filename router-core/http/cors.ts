import { rawFields, withoutFields, type FieldLines } from './field-lines.ts';

/** The browser apps that may use a route, in the terms of the Fetch standard (CORS protocol). */
export interface CorsRules {
  /** In lower case. Undefined: every origin. */
  readonly origins: ReadonlySet<string> | undefined;
  readonly credentials: boolean;
}

interface Preflight {
  readonly origin: string | undefined;
  /** Method and names of fields that the request behind it will have. */
  readonly method: string | undefined;
  readonly headers: string | undefined;
}

const MAX_AGE_S = 600;
const TOKENS = /^[!#$%&'*+\-.^_`|~\w, \t]*$/;

/** With `cors` the route decides alone: two answers to one question make a browser refuse both. */
const withoutTheirs = withoutFields([
  'Access-Control-Allow-Origin',
  'Access-Control-Allow-Credentials',
  'Access-Control-Allow-Methods',
  'Access-Control-Allow-Headers',
  'Access-Control-Expose-Headers',
  'Access-Control-Max-Age',
]);

/** The fields of a reply, with those that make it readable for a page of this origin. */
export function withCors(rules: CorsRules, origin: string | undefined, fields: FieldLines): FieldLines {
  const kept = withoutTheirs(fields);
  const allowed = allowedOrigin(rules, origin);
  if (allowed === '') return kept + varies(rules);
  // With credentials a star would be a name like any other.
  const names = rawFields(kept).filter((_each, i) => i % 2 === 0);
  const exposed = rules.credentials ? [...new Set(names)].join(', ') : '*';
  return `${kept}${allowed}Access-Control-Expose-Headers: ${exposed}\r\n${varies(rules)}`;
}

/** The fields of the answer to a preflight. Method and fields of the request are allowed as asked: the upstream knows which it takes. */
export function preflightFields(
  rules: CorsRules,
  { origin, method = '', headers = '' }: Preflight,
): FieldLines {
  const asked = 'Access-Control-Request-Method, Access-Control-Request-Headers';
  const varying = `Vary: ${rules.origins ? 'Origin, ' : ''}${asked}\r\n`;
  const allowed = allowedOrigin(rules, origin);
  if (allowed === '' || !TOKENS.test(method) || !TOKENS.test(headers)) return varying;
  let fields = `${allowed}Access-Control-Allow-Methods: ${method}\r\n`;
  if (headers !== '') fields += `Access-Control-Allow-Headers: ${headers}\r\n`;
  return `${fields}Access-Control-Max-Age: ${MAX_AGE_S}\r\n${varying}`;
}

function allowedOrigin({ origins, credentials }: CorsRules, origin: string | undefined): FieldLines {
  if (!origins) return 'Access-Control-Allow-Origin: *\r\n';
  if (origin === undefined || !origins.has(origin.toLowerCase())) return '';
  const cookies = credentials ? 'Access-Control-Allow-Credentials: true\r\n' : '';
  return `Access-Control-Allow-Origin: ${origin}\r\n${cookies}`;
}

/** A cache must not give the answer for one origin to another. */
function varies({ origins }: CorsRules): FieldLines {
  return origins ? 'Vary: Origin\r\n' : '';
}
