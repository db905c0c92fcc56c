/** A set of field names, in whatever case they come. Most others differ in their length already, and need no lower case. */
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
