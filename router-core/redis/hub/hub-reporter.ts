import { createBackoff, sleep } from '../../runtime/backoff.ts';
import { pairs } from '../../runtime/pairs.ts';
import type { HubReport } from '../../exchange/hub-report.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Connection } from '../connection/connection.ts';
import { CONFIG_KEYS } from '../scripts/keys.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

export interface HubReporterOptions {
  readonly hub: string;
  readonly commands: Connection;
  readonly report: () => HubReport;
  /** Called with the repairs of groups that were asked for lately, group → when: those that are done are among them. */
  readonly onRepairs: (repairs: ReadonlyMap<string, string>) => void;
  readonly log: Logger;
}

const EVERY_MS = 2_000;

const script = loadScript('hub-report');

/** Tells operators, every two seconds, what this hub does and which tokens were used. */
export class HubReporter {
  readonly #options: HubReporterOptions;
  readonly #closing = new AbortController();
  #used = new Set<string>();

  constructor(options: HubReporterOptions) {
    this.#options = options;
    void this.#reportForEver();
  }

  /** A request came with this token. */
  tokenUsed(id: string): void {
    this.#used.add(id);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    // Forgotten by itself after a minute.
    await this.#send('', []).catch(() => undefined);
  }

  async #reportForEver(): Promise<void> {
    const { commands, report, log } = this.#options;
    const { signal } = this.#closing;
    const backoff = createBackoff({ minMs: 500, maxMs: EVERY_MS });
    while (!signal.aborted) {
      if (!(await commands.ready(signal))) return;
      const used = this.#used;
      this.#used = new Set();
      try {
        await this.#send(JSON.stringify(report()), [...used]);
        backoff.reset();
        await sleep(EVERY_MS, signal);
      } catch (error) {
        for (const id of used) this.#used.add(id);
        if (!signal.aborted) log.debug({ err: error }, 'could not report, trying again');
        await sleep(backoff.next(), signal);
      }
    }
  }

  async #send(report: string, used: readonly string[]): Promise<void> {
    const { commands, hub, onRepairs } = this.#options;
    if (!commands.client) return;
    const { hubs, used: usedKey, repairs } = CONFIG_KEYS;
    const args = [hub, report, ...used];
    const asked = (await runScript(commands.client, script, [hubs, usedKey, repairs], args)) as string[];
    if (asked.length > 0) onRepairs(new Map(pairs(asked)));
  }
}
