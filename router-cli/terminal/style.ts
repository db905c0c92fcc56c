import { styleText } from 'node:util';

export type Tone = 'good' | 'bad' | 'warn' | 'quiet' | 'strong';

const FORMATS = { good: 'green', bad: 'red', warn: 'yellow', quiet: 'gray', strong: 'bold' } as const;

/** Colours a text, or leaves it as it is. */
export type Style = (tone: Tone | undefined, text: string) => string;

export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Colours only on a terminal that has some, and never with NO_COLOR (https://no-color.org). */
export function styleFor(stream: OutputStream, env: NodeJS.ProcessEnv): Style {
  const plain = !stream.isTTY || Boolean(env['NO_COLOR']) || env['TERM'] === 'dumb';
  return (tone, text) => {
    if (plain || tone === undefined || text === '') return text;
    // Decided above for the right stream; styleText itself would check stdout.
    return styleText(FORMATS[tone], text, { validateStream: false });
  };
}
