export interface RunningPart {
  readonly name: string;
  readonly what: string;
  /** The listening address; for an agent, the address of its upstream. */
  readonly address: string;
  /** Undefined for a Redis that was running before. */
  readonly pid: number | undefined;
}

/** The running parts, and commands to try them. The hub is the first of `parts`; `status` a command. */
export function describe(
  parts: readonly RunningPart[],
  { demo, status }: { demo: boolean; status: string | undefined },
): string {
  const rows = parts.map(({ name, what, address, pid }) => [name, what, address, String(pid ?? '-')]);
  const hub = parts[0]?.address ?? '';
  return [
    '',
    'mini-router is running:',
    '',
    ...table([['name', 'what', 'address', 'pid'], ...rows]),
    '',
    'Try it:',
    '',
    ...(demo ? demoCommands(hub) : [`curl -N ${hub}/`, `curl -i ${hub}/any/path -d 'a body'`]).map(indent),
    '',
    ...(status === undefined ? [] : ['In a second terminal:', '', indent(status), '']),
    'Ctrl-C stops everything.',
    '',
  ].join('\n');
}

function demoCommands(hub: string): string[] {
  const body = '{"stream":true,"messages":[{"role":"user","content":"Hello"}]}';
  return [
    `curl -N ${hub}/v1/chat/completions -H 'content-type: application/json' -d '${body}'`,
    `curl ${hub}/echo -d 'Hello'`,
  ];
}

function table(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    indent(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).trimEnd(),
  );
}

function indent(line: string): string {
  return `  ${line}`;
}
