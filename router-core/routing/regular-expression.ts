import { RE2JS } from 're2js';
import { estimatePatternSize } from './pattern-size.ts';

export type CompiledExpression =
  | { readonly ok: true; readonly expression: RegularExpression }
  | { readonly ok: false; readonly message: string };

/** Returns the match of the n-th pair of parentheses; empty when it took no part in the match. */
export type Captures = (n: number) => string;

/** Compiling takes at most about 15 ms up to this length (measured). */
const LARGEST_SOURCE = 1_000;

/**
 * RE2 needs up to 25 ns for each instruction and character, and twice that for captures (measured): at most 30 ms for a target
 * of 8 KiB. A one-pass expression needs at most one instruction for a character, whatever its size.
 */
const MOST_INSTRUCTIONS = 80;
const MOST_INSTRUCTIONS_ONE_PASS = 600;

/**
 * A regular expression in RE2 syntax. Its time is linear in the text, so no request can stall a hub. It may match anywhere in
 * the text: `^` and `$` anchor it.
 */
export class RegularExpression {
  readonly source: string;
  readonly #re2: RE2JS;

  constructor(source: string, re2: RE2JS) {
    this.source = source;
    this.#re2 = re2;
  }

  get groupCount(): number {
    return this.#re2.groupCount();
  }

  /**
   * Undefined when the text does not match. `RE2JS.test` is faster on long texts, but its automaton grows with the texts, up
   * to 8 MiB per expression, and clients choose the texts.
   */
  search(text: string): Captures | undefined {
    const matcher = this.#re2.matcher(text);
    return matcher.find() ? (n) => matcher.group(n) ?? '' : undefined;
  }
}

/** Refuses an expression that RE2 does not support, or that would take long to compile or to match. */
export function compileExpression(source: string): CompiledExpression {
  if (estimatePatternSize(source) > LARGEST_SOURCE) {
    return refuse(`the regular expression is too large: repetitions count as often as they repeat`);
  }
  let re2: RE2JS;
  try {
    re2 = RE2JS.compile(source);
  } catch (error) {
    return refuse(
      `RE2 refuses the regular expression: ${error instanceof Error ? error.message : 'invalid'}`,
    );
  }
  const onePass = Boolean(re2.re2().onepass);
  const most = onePass ? MOST_INSTRUCTIONS_ONE_PASS : MOST_INSTRUCTIONS;
  const size = re2.programSize();
  if (size > most) {
    return refuse(
      `the regular expression takes ${size} instructions, at most ${most} are allowed` +
        (onePass
          ? ''
          : ` (${MOST_INSTRUCTIONS_ONE_PASS} when it begins with ^ and each character decides how to go on)`),
    );
  }
  return { ok: true, expression: new RegularExpression(source, re2) };
}

const refuse = (message: string): CompiledExpression => ({ ok: false, message });
