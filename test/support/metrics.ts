import { renderMetrics } from '../../router-core/runtime/metric-registry.ts';
import type { MetricSource } from '../../router-core/runtime/metrics.ts';

/** One line of what Prometheus reads. */
export interface ScrapedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A scrape: every sample, and the type of each metric that it declares. */
export class Scrape {
  readonly types = new Map<string, string>();
  readonly samples: ScrapedSample[] = [];

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const [, declared, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
      if (declared !== undefined && type !== undefined) this.types.set(declared, type);
      const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined || line.startsWith('#')) continue;
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', of = '']) => [
        key,
        of,
      ]);
      this.samples.push({
        name,
        labels: Object.fromEntries(pairs) as Record<string, string>,
        value: Number(value),
      });
    }
  }

  /** The sum of all samples of this name that have these labels; undefined when there is none. */
  sum(name: string, labels: Record<string, string> = {}): number | undefined {
    const wanted = Object.entries(labels);
    const found = this.samples.filter(
      (sample) => sample.name === name && wanted.every(([key, text]) => sample.labels[key] === text),
    );
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }
}

export async function scrapeUrl(url: string): Promise<Scrape> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`${url}: ${response.status}`);
  return new Scrape(await response.text());
}

/** The metrics of parts in this process. */
export async function scrapeSources(...sources: readonly MetricSource[]): Promise<Scrape> {
  return new Scrape(await renderMetrics(sources));
}
