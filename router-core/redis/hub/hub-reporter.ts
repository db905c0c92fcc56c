import { sleep } from '../../runtime/backoff.ts';
import { pairs } from '../../runtime/pairs.ts';
import { retry } from '../../runtime/retry.ts';
import type { HubReport } from '../../exchange/hub-report.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Connection } from '../connection/connection.ts';
import { CONFIG_KEYS } from '../scripts/keys.ts';
import { LogKeeper } from '../scripts/log-keeper.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

export interface HubReporterOptions {
  readonly hub: string;
  readonly commands: Connection;
  readonly report: () => HubReport;
  /** Called with all recent requests to repair a group (group → time), repairs that were done included. */
  readonly onRepairs: (repairs: ReadonlyMap<string, string>) => void;
  readonly log: Logger;
}

const EVERY_MS = 2_000;

const script = loadScript('hub-report');

/** Reports every two seconds this hub's state and the tokens that were used. */
export class HubReporter {
  readonly #options: HubReporterOptions;
  readonly #closing = new AbortController();
  readonly #logs: LogKeeper;
  #used = new Set<string>();

  constructor(options: HubReporterOptions) {
    this.#options = options;
    this.#logs = new LogKeeper(options.log);
    void this.#reportForEver();
  }

  /** Notes that a request came with this token. */
  tokenUsed(id: string): void {
    this.#used.add(id);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    // After a minute the report expires by itself.
    await this.#send('', []).catch(() => undefined);
  }

  async #reportForEver(): Promise<void> {
    const { signal } = this.#closing;
    const onFailure = (err: unknown) => this.#options.log.debug({ err }, 'could not report, trying again');
    const report = () => this.#report(signal);
    while (await retry(report, { signal, minMs: 500, maxMs: EVERY_MS, onFailure })) {
      await sleep(EVERY_MS, signal);
    }
  }

  /** Resolves with false when there will be no connection any more. */
  async #report(signal: AbortSignal): Promise<boolean> {
    const { commands, hub, report } = this.#options;
    if (!(await commands.ready(signal))) return false;
    const used = this.#used;
    this.#used = new Set();
    try {
      const said = report();
      await this.#send(JSON.stringify(said), [...used]);
      this.#logs.keep(commands.client, CONFIG_KEYS.log, { process: hub, name: said.name });
    } catch (error) {
      for (const id of used) this.#used.add(id);
      throw error;
    }
    return true;
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
