/** The report as Markdown: one table per kind of scenario, and the goals. */
import type { Goal } from './goals.ts';
import type { PerProcess } from './process-stats.ts';
import { references, type ScenarioResult, type Summary } from './summarize.ts';

type Column = readonly [title: string, cell: (summary: Summary) => string];

const number = (value: number | null, digits: number) => (value === null ? '-' : value.toFixed(digits));
const latency = (value: number | null) => number(value, value !== null && value >= 10 ? 1 : 2);

function rate({ rate: middle, rateMin, rateMax }: Summary): string {
  return rateMin === rateMax
    ? middle.toFixed(0)
    : `${middle.toFixed(0)} (${rateMin.toFixed(0)}–${rateMax.toFixed(0)})`;
}

function errors(summary: Summary): string {
  return summary.errors === 0 ? '0' : `**${summary.errors} INVALID**`;
}

/** `78.1 = hub 30.2 + agent 28.1 + …`; a dash where /proc is not there. */
function parts(values: PerProcess, digits: number): string {
  const known = Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== null);
  if (known.length === 0) return '-';
  const sum = known.reduce((total, [, value]) => total + value, 0);
  return `${sum.toFixed(digits)} = ${known.map(([name, value]) => `${name} ${value.toFixed(digits)}`).join(' + ')}`;
}

function peaks(values: PerProcess): string {
  const known = Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== null);
  return known.length === 0 ? '-' : known.map(([name, value]) => `${name} ${value.toFixed(0)}`).join(', ');
}

const ratioColumns = references.map((name): Column => [`× ${name}`, ({ ratios }) => number(ratios[name], 2)]);

const columns: Readonly<Record<ScenarioResult['kind'], readonly Column[]>> = {
  requests: [
    ['req/s (min–max)', rate],
    ['p50 ms', ({ p50Ms }) => latency(p50Ms)],
    ['p50 − direct', ({ p50OverDirectMs }) => latency(p50OverDirectMs)],
    ['p99 ms', ({ p99Ms }) => latency(p99Ms)],
    ['errors', errors],
    ...ratioColumns,
    ['CPU µs per request', ({ cpuUsPerUnit }) => parts(cpuUsPerUnit, 1)],
  ],
  events: [
    ['events/s (min–max)', rate],
    ['first event p50 ms', ({ p50Ms }) => latency(p50Ms)],
    ['p99', ({ p99Ms }) => latency(p99Ms)],
    ['event delay p50 ms', ({ delayP50Ms }) => latency(delayP50Ms)],
    ['p99', ({ delayP99Ms }) => latency(delayP99Ms)],
    ['errors', errors],
    ...ratioColumns,
    ['CPU µs per event', ({ cpuUsPerUnit }) => parts(cpuUsPerUnit, 1)],
  ],
  transfer: [
    ['MB/s (min–max)', rate],
    ['errors', errors],
    ...ratioColumns,
    ['CPU µs per MB', ({ cpuUsPerUnit }) => parts(cpuUsPerUnit, 0)],
    ['peak RSS MiB', ({ peakRssMiB }) => peaks(peakRssMiB)],
  ],
};

const headings: Readonly<Record<ScenarioResult['kind'], string>> = {
  requests: 'Small answers (83 bytes); ratios of req/s, higher is better',
  events: 'Server-sent events; ratios of the time to the first event, lower is better',
  transfer: 'Large transfers, one connection; ratios of MB/s, higher is better',
};

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function table(kind: ScenarioResult['kind'], results: readonly ScenarioResult[]): string[] {
  const ofKind = results.filter((result) => result.kind === kind);
  if (ofKind.length === 0) return [];
  const shown = columns[kind];
  const rows = ofKind.flatMap(({ name, summaries }) =>
    summaries.map((summary) => row([name, summary.target, ...shown.map(([, cell]) => cell(summary))])),
  );
  const titles = ['scenario', 'target', ...shown.map(([title]) => title)];
  return [`#### ${headings[kind]}`, '', row(titles), row(titles.map(() => '---')), ...rows, ''];
}

function goalLine({ text, measured, reached }: Goal): string {
  if (measured === undefined) return `- not measured: ${text}`;
  return `- ${reached ? 'reached' : '**missed**'}: ${text} (${measured})`;
}

export function renderReport(
  header: readonly string[],
  results: readonly ScenarioResult[],
  goals: readonly Goal[],
): string {
  const wrong = results.flatMap(({ name, summaries }) =>
    summaries
      .filter((summary) => summary.errors > 0)
      .map(
        ({ target, errors: count, errorDetail }) => `- ${name}, ${target}: ${count} errors: ${errorDetail}`,
      ),
  );
  return [
    ...header,
    '',
    ...table('requests', results),
    ...table('events', results),
    ...table('transfer', results),
    ...(wrong.length > 0 ? ['#### Errors: these figures are invalid', '', ...wrong, ''] : []),
    '#### Goals',
    '',
    ...goals.map(goalLine),
  ].join('\n');
}
