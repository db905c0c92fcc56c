import type { Command } from 'commander';
import { z } from 'zod';
import { header } from '../../router-core/runtime/options.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { printable } from '../terminal/printable.ts';
import { table } from '../terminal/table.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand, type Output } from './api-command.ts';
import { anyText, useFlag, useListFlag } from './flags.ts';

const explanationSchema = z.looseObject({
  matched: z.string().nullable(),
  source: z.string().nullable().catch(null),
  target: z.string().nullable(),
  groups: z.array(z.object({ group: z.string(), share: z.number() })),
  scope: z.string().nullable(),
  needsApp: z.boolean(),
  rejected: z.array(z.object({ route: z.string(), why: z.string() })),
});
type Explanation = z.output<typeof explanationSchema>;

/** `route test`: the route of a request, and the reasons. */
export function testRouteCommand(parent: Command, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'test',
    args: '<target>',
    about: 'show the route that a request would take: /v1/models, or a whole URL',
    json: 'the answer of POST /v1/routes/test',
    setUp(command) {
      const method = useFlag(command, {
        flag: '-X, --method <method>',
        about: 'GET when left out',
        type: anyText(),
      });
      const host = useFlag(command, {
        flag: '--host <host>',
        about: 'the Host field',
        type: anyText(),
      });
      const headers = useListFlag(command, {
        flag: '-H, --header <"Name: value">',
        about: 'a header of the request',
        type: header(),
      });
      return async ({ api, out, args: [text = ''] }) => {
        const url = /^https?:/.test(text) && URL.canParse(text) ? new URL(text) : undefined;
        const request = {
          method: method() ?? 'GET',
          host: host() ?? url?.host ?? '',
          target: url ? url.pathname + url.search : text,
          headers: Object.fromEntries(headers() ?? []),
        };
        const { body } = await api.call('POST', '/v1/routes/test', { body: request });
        const explanation = explanationSchema.parse(body);
        out.show(body, () => explain(`${request.method} ${request.host}${request.target}`, explanation, out));
        if (explanation.matched === null) process.exitCode = EXIT_CODES.notFound.code;
      };
    },
  });
}

function explain(
  request: string,
  { matched, source, target, groups, scope, needsApp, rejected }: Explanation,
  out: Output,
) {
  const lines =
    matched === null
      ? [`${printable(request)} matches no route: its client gets 404`]
      : [
          `${printable(request)} takes the route ${printable(matched)}${source === null ? '' : ` (${printable(source)})`}`,
          `  to ${groups.map(({ group, share }) => (share === 1 ? group : `${group} (${Math.round(share * 100)}%)`)).join(', ')}`,
          `  as ${printable(target ?? '')}`,
          ...(scope === null ? [] : [`  to agents with the scope ${scope}`]),
          ...(needsApp ? ['  with the token of an app'] : []),
        ];
  if (rejected.length === 0) return lines;
  const columns = [
    { title: 'NOT TAKEN', cell: (row: { route: string }) => row.route },
    { title: 'WHY', cell: (row: { why: string }) => row.why },
  ];
  return [...lines, '', ...table(rejected, columns as never, out)];
}
