import { RE2JS } from 're2js';
import { estimatePatternSize } from './pattern-size.ts';

export type CompiledExpression =
  | { readonly ok: true; readonly expression: RegularExpression }
  | { readonly ok: false; readonly message: string };

/** Gives what the n-th pair of parentheses has matched; empty when it had no part in the match. */
export type Captures = (n: number) => string;

/** Compiling takes at most about 15 ms up to here (measured). */
const LARGEST_SOURCE = 1_000;

/**
 * RE2 needs up to 25 ns for each instruction and character, and twice that for what parentheses capture (measured): at most
 * 30 ms for a target of 8 KiB. A one-pass expression needs no more than one instruction for a character, whatever its size.
 */
const MOST_INSTRUCTIONS = 80;
const MOST_INSTRUCTIONS_ONE_PASS = 600;

/**
 * A regular expression in the syntax of RE2, which takes time in proportion to the text whatever the text is: nobody can
 * stop a hub with a request. It is searched for anywhere in the text: `^` and `$` tie it to the beginning and the end.
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
   * Undefined when the text does not match. Not `RE2JS.test`, which is faster on long texts: its automaton grows with
   * the texts it is given, up to 8 MiB per expression, and clients choose the texts.
   */
  search(text: string): Captures | undefined {
    const matcher = this.#re2.matcher(text);
    return matcher.find() ? (n) => matcher.group(n) ?? '' : undefined;
  }
}

/** Refuses what RE2 does not know, and what would take long to compile or to match. */
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
