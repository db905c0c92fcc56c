import { z } from 'zod';
import { TOKEN_KINDS } from '../../router-core/config/token.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import type { ApiClient, JsonObject } from '../api/client.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { count } from '../terminal/words.ts';
import type { ApiInvocation, Output } from './api-command.ts';
import { changeSchema, describeChanges, type Change } from './changes.ts';
import { placingProblems, type SourceText } from './place-problems.ts';
import { readText, readYaml } from './read-yaml.ts';
import { showWarnings } from './show-warnings.ts';
import { wayOf } from './agent-start.ts';
import { showToken } from './show-token.ts';
import { isObject } from './use-fields.ts';

const MOST_NAMED = 20;

const appliedSchema = z.looseObject({
  changes: z.array(changeSchema),
  /** Missing in responses of a router-api that requires no confirmation. */
  toConfirm: z.number().catch(0),
  tokens: z.array(z.object({ kind: z.enum(TOKEN_KINDS), name: z.string(), token: z.string() })).catch([]),
});

export interface SourceDocument extends SourceText {
  readonly document: JsonObject;
}

export interface ApplyOptions {
  readonly yesDelete?: number | undefined;
  /** Only shows the changes. */
  readonly dryRun?: boolean;
  /** The version that the document was based on. With another current version the document is refused. */
  readonly etag?: string | null;
}

/** Shows the changes that a document would make, asks, and applies it. */
export async function applyDocument(
  invocation: ApiInvocation,
  source: SourceDocument,
  { yesDelete, dryRun = false, etag: madeFrom }: ApplyOptions,
): Promise<void> {
  const { api, out, confirm, target } = invocation;
  const { document } = source;
  const { changes, toConfirm, etag, body: plan } = await planned(api, source);
  showWarnings(plan, out);
  if (changes.length === 0) {
    out.show(plan, () => ['Nothing to change.']);
    return;
  }
  if (dryRun) return out.show(plan, () => [...describePlan(changes, out), 'Nothing was changed: --dry-run.']);
  if (madeFrom && madeFrom !== etag) {
    throw new CommandError(
      'nothing was changed: somebody else has changed the configuration in the meantime',
      {
        exitCode: EXIT_CODES.conflict.code,
      },
    );
  }
  out.note(describePlan(changes, out).join('\n'));
  requireNumber(changes, toConfirm, yesDelete);
  await confirm(`Apply this to ${target.url}?`);
  // Only the shown changes may be applied: when somebody else has written in the meantime, the API refuses.
  const headers: Record<string, string> = etag === null ? {} : { 'if-match': etag };
  const { body } = await api.call('PUT', '/v1/config', { body: document, query: { yesDelete }, headers });
  const { tokens } = appliedSchema.parse(body);
  const hasAgents = !out.isData && tokens.some(({ kind }) => kind === 'agent');
  const start = hasAgents ? { upstream: undefined, way: await wayOf(invocation) } : undefined;
  out.show(body, () => [
    `Applied ${count(changes.length, 'change')}.`,
    ...tokens.flatMap(({ kind, name, token }) => [
      '',
      `The ${kind} ${name} is new.`,
      ...showToken(
        { kind, object: { token }, start: kind === 'agent' ? start : undefined, isNew: true },
        invocation,
      ),
    ]),
  ]);
}

/** Checked before the question: the removal of most objects needs --yes-delete with their number. */
function requireNumber(changes: readonly Change[], toConfirm: number, given: number | undefined): void {
  const removed = changes.filter(({ change }) => change === 'removed');
  if (given === undefined ? toConfirm === 0 : given === removed.length) return;
  const names = removed.slice(0, MOST_NAMED).map(({ kind, name }) => `${kind} ${name}`);
  const more = removed.length > MOST_NAMED ? [`and ${removed.length - MOST_NAMED} more`] : [];
  const what =
    removed.length === 0
      ? 'nothing'
      : `${count(removed.length, 'object')}: ${[...names, ...more].join(', ')}`;
  throw new CommandError(
    `nothing was changed: this removes ${what}. To confirm it, pass --yes-delete ${removed.length}`,
  );
}

export async function readDocument(path: string): Promise<SourceDocument> {
  const source = { path, text: await readText(path) };
  return { ...source, document: await parseDocument(source) };
}

export async function parseDocument(source: SourceText): Promise<JsonObject> {
  const document = await readYaml(source);
  const { path: file } = source;
  if (document === undefined || (isObject(document) && Object.keys(document).length === 0)) {
    throw new CommandError(
      `${file}: the document is empty. To remove everything, write empty lists ` +
        '(groups: [], routes: [], apps: [], agents: [], admins: []) and pass the number of objects that this removes as --yes-delete',
    );
  }
  if (isObject(document)) return document;
  throw new CommandError(`${file}: expected lists named groups, routes, apps, agents and admins`);
}

export async function planned(api: ApiClient, source: SourceDocument) {
  const query = { dryRun: 'true' };
  const { body, headers } = await placingProblems(source, () =>
    api.call('PUT', '/v1/config', { body: source.document, query }),
  );
  const { changes, toConfirm } = appliedSchema.parse(body);
  return { changes, toConfirm, etag: headers.get('etag'), body };
}

export function describePlan(changes: readonly Change[], { style }: Output): string[] {
  return changes.length === 0 ? ['Nothing to change.'] : describeChanges(changes, style);
}
