/** Control characters, and those that turn the direction of a line: a terminal would obey them. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Makes a foreign text (a description, a target) fit for a line of a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '·');
}

/** East Asian wide characters and emoji: two columns each. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;

function widthOfCharacter(character: string): number {
  if (NO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Columns that a printable text takes. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** At most so many columns; … stands for the rest. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let width = 0;
  let cut = '';
  for (const character of text) {
    width += widthOfCharacter(character);
    if (width > columns - 1) break;
    cut += character;
  }
  return columns < 1 ? '' : `${cut}…`;
}

/** Padded or cut to exactly so many columns. */
export function fit(text: string, columns: number, { right = false } = {}): string {
  const shown = truncate(text, columns);
  const blanks = ' '.repeat(Math.max(0, columns - displayWidth(shown)));
  return right ? blanks + shown : shown + blanks;
}
