import type { GroupKeys } from './keys.ts';
import { groupScriptArgs, groupScriptKeys, scopesOfLanes } from './script-keys.ts';

/**
 * The lanes of a group as an instance knows them. Its scripts are told of all: what its requests free of the group's limit
 * belongs to the oldest in line, who may need another lane.
 */
export class KnownLanes {
  readonly #keys: GroupKeys;
  readonly #own: string;
  #lanes: readonly string[];
  #scriptKeys: readonly string[];
  #scriptArgs: readonly (string | number)[];

  constructor(keys: GroupKeys, own: string) {
    this.#keys = keys;
    this.#own = own;
    this.#lanes = [own];
    [this.#scriptKeys, this.#scriptArgs] = this.#forScripts();
  }

  /** Takes the lanes that a heartbeat has found. */
  set(found: readonly string[]): void {
    const others = found.filter((lane) => lane !== this.#own).sort();
    if (others.length === this.#lanes.length - 1 && others.every((lane, i) => lane === this.#lanes[i + 1]))
      return;
    this.#lanes = [this.#own, ...others];
    [this.#scriptKeys, this.#scriptArgs] = this.#forScripts();
  }

  /** KEYS that group.lua names; the own lane is the first. */
  get scriptKeys(): readonly string[] {
    return this.#scriptKeys;
  }

  /** ARGV that group.lua names. */
  get scriptArgs(): readonly (string | number)[] {
    return this.#scriptArgs;
  }

  #forScripts(): [string[], (string | number)[]] {
    const scopes = scopesOfLanes(this.#lanes);
    return [groupScriptKeys(this.#keys, this.#lanes, scopes), groupScriptArgs(this.#lanes, scopes)];
  }
}
