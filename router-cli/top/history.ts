const BARS = '▁▂▃▄▅▆▇█';

/** A minute, a value a second. */
const LENGTH = 60;

/** The last values of everything that is drawn as a line. */
export class History {
  readonly #values = new Map<string, number[]>();

  /** Adds the values of one moment. Names that are missing in it are forgotten. */
  add(moment: ReadonlyMap<string, number>): void {
    for (const name of this.#values.keys()) if (!moment.has(name)) this.#values.delete(name);
    for (const [name, value] of moment) {
      this.#values.set(name, [...(this.#values.get(name) ?? []), value].slice(-LENGTH));
    }
  }

  /** The last values, newest at the right, scaled from 0 to their maximum. */
  line(name: string, columns: number): string {
    if (columns < 1) return '';
    const values = (this.#values.get(name) ?? []).slice(-columns);
    const most = Math.max(...values, 1);
    const bars = values.map(
      (value) => BARS[Math.min(BARS.length - 1, Math.round((value / most) * (BARS.length - 1)))],
    );
    return bars.join('').padStart(columns);
  }
}
