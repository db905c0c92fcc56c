import type { ValidationProblem } from './validation-problems.ts';

export type RefusalCode = 'not-found' | 'already-exists' | 'stale' | 'invalid' | 'conflict';

/**
 * A change that was refused: nothing was written. `stale`: the object has changed since its writer has read it. `invalid`: the
 * change can never be made. `conflict`: it cannot be made beside the objects that exist now.
 */
export class ConfigRefusal extends Error {
  override readonly name = 'ConfigRefusal';
  readonly code: RefusalCode;
  /** The problems by field; empty when the message is enough. */
  readonly problems: readonly ValidationProblem[];

  constructor(code: RefusalCode, message: string, problems: readonly ValidationProblem[] = []) {
    super(message);
    this.code = code;
    this.problems = problems;
  }
}
