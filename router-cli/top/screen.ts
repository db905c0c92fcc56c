import terminalKit from 'terminal-kit';
import type { Tone } from '../terminal/style.ts';
import { clip, type Line, type ScreenSize } from './render.ts';

export interface Screen {
  readonly size: ScreenSize;
  draw(lines: readonly Line[]): void;
  /** Restores the terminal. May be called again. */
  close(): void;
}

export interface ScreenEvents {
  /** A character, or a name such as `UP` or `CTRL_C`. */
  readonly onKey: (key: string) => void;
  readonly onResize: () => void;
}

const COLOURS: Readonly<Record<Exclude<Tone, 'strong'>, string>> = {
  good: 'green',
  bad: 'red',
  warn: 'yellow',
  quiet: 'gray',
};

/** Takes the whole terminal: its alternate screen, without a cursor, key by key. */
export function openScreen({ onKey, onResize }: ScreenEvents, { colours }: { colours: boolean }): Screen {
  const { terminal, ScreenBuffer } = terminalKit;
  let buffer = new ScreenBuffer({ dst: terminal });
  let isFresh = true;
  let isOpen = true;

  const key = (name: string): void => onKey(name);
  const resize = (): void => {
    buffer = new ScreenBuffer({ dst: terminal });
    isFresh = true;
    onResize();
  };
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    terminal.off('key', key);
    terminal.off('resize', resize);
    terminal.grabInput(false);
    terminal.hideCursor(false);
    terminal.styleReset();
    terminal.fullscreen(false);
    // Otherwise the process would wait for more keys.
    process.stdin.pause().unref();
  };

  terminal.fullscreen(true);
  terminal.hideCursor();
  terminal.grabInput(true);
  terminal.on('key', key);
  terminal.on('resize', resize);
  // However the process ends: a shell on the alternate screen without a cursor would be useless.
  process.once('exit', close);

  return {
    get size() {
      return { columns: terminal.width, rows: terminal.height };
    },
    draw(lines) {
      if (!isOpen) return;
      // clear() would leave transparent cells, whose old content stays on the screen. fill() takes an object, not an array.
      // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type
      buffer.fill({ attr: { defaultColor: true, bgDefaultColor: true }, char: ' ' });
      for (const [y, line] of lines.entries()) {
        let x = 0;
        for (const { text, tone, inverse = false } of clip(line, terminal.width)) {
          // The text is passed as an argument: it must not be read as a format.
          buffer.put(
            { x, y, attr: attributes(tone, { inverse, colours }), wrap: false, dx: 1, dy: 0 },
            '%s',
            text,
          );
          x += terminalKit.stringWidth(text);
        }
      }
      buffer.draw({ delta: !isFresh });
      isFresh = false;
    },
    close,
  };
}

function attributes(tone: Tone | undefined, { inverse, colours }: { inverse: boolean; colours: boolean }) {
  const colour = tone === undefined || tone === 'strong' || !colours ? {} : { color: COLOURS[tone] };
  const plain = Object.keys(colour).length === 0 ? { defaultColor: true } : colour;
  return { ...plain, bgDefaultColor: true, bold: tone === 'strong', inverse };
}
