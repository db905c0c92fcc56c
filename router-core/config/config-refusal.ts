import type { ValidationProblem } from './validation-problems.ts';

export type RefusalCode = 'not-found' | 'already-exists' | 'stale' | 'invalid' | 'conflict';

/**
 * A change that is not made: nothing was written. `stale`: the object is not any more as its writer has seen it.
 * `invalid`: it could never be made; `conflict`: not with what else is there now.
 */
export class ConfigRefusal extends Error {
  override readonly name = 'ConfigRefusal';
  readonly code: RefusalCode;
  /** What is wrong where; empty when the message says it all. */
  readonly problems: readonly ValidationProblem[];

  constructor(code: RefusalCode, message: string, problems: readonly ValidationProblem[] = []) {
    super(message);
    this.code = code;
    this.problems = problems;
  }
}
