/** A set of field names, whatever their case. Most other names differ in length already and are not lower-cased. */
export class FieldNames {
  readonly #names: ReadonlySet<string>;
  readonly #lengths: readonly boolean[];

  constructor(names: Iterable<string>) {
    this.#names = new Set([...names].map((name) => name.toLowerCase()));
    const lengths: boolean[] = [];
    for (const { length } of this.#names) lengths[length] = true;
    this.#lengths = lengths;
  }

  has(name: string): boolean {
    return this.#lengths[name.length] === true && this.#names.has(name.toLowerCase());
  }
}
