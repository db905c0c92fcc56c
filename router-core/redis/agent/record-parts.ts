import type { RecordShare } from '../../exchange/relay-link.ts';

/** Records in one part: a beat of one part takes Redis a fraction of a millisecond. */
export const MOST_IN_PART = 64;

/**
 * Splits what a relay offers for its agent records into parts, each of which is one row in Redis. A record keeps its part as long
 * as it is offered: in two rows at once, its slots would count twice against its cap.
 */
export class RecordParts {
  readonly #parts = new Map<string, number>();
  readonly #sizes = [0];

  /** The names of an instance's rows. */
  rowsOf(instance: string): string[] {
    return this.#sizes.map((_, part) => rowName(instance, part));
  }

  /** At least one part, which may be empty. */
  split(shares: readonly RecordShare[]): RecordShare[][] {
    const offered = new Set(shares.map(({ record }) => record));
    for (const [record, part] of this.#parts) {
      if (offered.has(record)) continue;
      this.#parts.delete(record);
      this.#sizes[part] = (this.#sizes[part] ?? 0) - 1;
    }
    const split = this.#sizes.map((): RecordShare[] => []);
    for (const share of shares) {
      const part = this.#partOf(share.record);
      (split[part] ??= []).push(share);
    }
    return split;
  }

  #partOf(record: string): number {
    const known = this.#parts.get(record);
    if (known !== undefined) return known;
    const roomy = this.#sizes.findIndex((size) => size < MOST_IN_PART);
    const part = roomy < 0 ? this.#sizes.length : roomy;
    this.#sizes[part] = (this.#sizes[part] ?? 0) + 1;
    this.#parts.set(record, part);
    return part;
  }
}

/** The row of an instance's n-th part. No name of an instance has a slash. */
export function rowName(instance: string, part: number): string {
  return part === 0 ? instance : `${instance}/${part}`;
}

/** The instance whose row this is. */
export function instanceOfRow(row: string): string {
  const end = row.indexOf('/');
  return end < 0 ? row : row.slice(0, end);
}
