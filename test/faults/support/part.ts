import type { Ended, LaunchedProcess } from '../../support/processes.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { useOf } from './process-use.ts';
import type { ProcessRecord, ProcessSize, ProcessUse } from './remains.ts';

interface Life {
  readonly process: LaunchedProcess;
  before: ProcessUse | undefined;
  /** Its end is this test's doing. */
  isEnded: boolean;
  ended: Ended | undefined;
}

export interface PartOptions {
  readonly name: string;
  /** Between it and Redis. */
  readonly proxy?: FaultProxy | undefined;
  /** Connections that it may keep alive for the next request. */
  readonly mayKeep: number;
  /** It ends by itself, with code 0, when its work is done. */
  readonly mayEnd?: boolean;
  /** Resolves when the process is ready. */
  readonly start: () => Promise<LaunchedProcess>;
}

/** A process of the world under test, which may be killed and started again. */
export class Part {
  readonly name: string;
  readonly #options: PartOptions;
  readonly #lives: Life[] = [];

  constructor(options: PartOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get proxy(): FaultProxy {
    const { proxy } = this.#options;
    if (proxy === undefined) throw new Error(`there is no proxy between ${this.name} and Redis`);
    return proxy;
  }

  get process(): LaunchedProcess {
    return this.#life.process;
  }

  get runs(): boolean {
    return this.#lives.length > 0 && !this.#life.isEnded;
  }

  async start(): Promise<void> {
    const process = await this.#options.start();
    const life: Life = { process, before: useOf(process.pid), isEnded: false, ended: undefined };
    this.#lives.push(life);
    void process.ended.then((ended) => (life.ended = ended));
  }

  /** Ends it on purpose; resolves when it has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#life.isEnded = true;
    await this.process.kill(signal);
  }

  get hasEnded(): boolean {
    return this.#life.ended !== undefined;
  }

  records(): ProcessRecord[] {
    return this.#lives.map((life, i) => ({
      name: this.#lives.length === 1 ? this.name : `${this.name}, life ${i + 1}`,
      died: this.#deathOf(life),
      output: life.process.stdout + life.process.stderr,
    }));
  }

  #deathOf({ isEnded, ended }: Life): string | undefined {
    if (ended === undefined || isEnded || (this.#options.mayEnd && ended.code === 0)) return undefined;
    return ended.signal ?? `with code ${ended.code}`;
  }

  /** From here on it is to grow no more: what it uses now is what such work takes. */
  acceptUse(): void {
    this.#life.before = useOf(this.process.pid);
  }

  /** How it has grown since it was ready, or its use was accepted; nothing when it has ended. */
  sizes(): ProcessSize[] {
    const { before, process } = this.#life;
    const after = useOf(process.pid);
    if (before === undefined || after === undefined) return [];
    return [{ name: this.name, before, after, mayKeep: this.#options.mayKeep }];
  }

  get #life(): Life {
    const life = this.#lives.at(-1);
    if (life === undefined) throw new Error(`${this.name} was not started`);
    return life;
  }
}
