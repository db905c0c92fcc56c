import { readFile } from 'node:fs/promises';
import type { YAMLError } from 'yaml';
import { DEEPEST, shapeProblem, SHAPE_PROBLEMS } from '../../router-core/config/document-shape.ts';
import { formatPath } from '../../router-core/config/validation-problems.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { readStandardInput } from '../terminal/ask.ts';
import { parseJson } from '../../router-core/runtime/parse-json.ts';

/** From a file or from standard input. */
export function readText(path: string): Promise<string> {
  if (path === '-') return readStandardInput();
  return readFile(path, 'utf8').catch((error: Error) => {
    throw new CommandError(`cannot read ${path}: ${error.message}`);
  });
}

/** Parses YAML, which includes JSON. Undefined for an empty text. */
export async function readYaml({ path, text }: { path: string; text: string }): Promise<unknown> {
  // JSON is tried first, because YAML takes a hundred times as long: half a minute for a hundred thousand routes.
  const value = parseJson(text) ?? (await parseYaml(text, nameOf(path)));
  const found = shapeProblem(value);
  if (found) {
    const at = found.problem === 'too-deep' ? '' : `${formatPath(found.path)}: `;
    throw new CommandError(`${nameOf(path)}: ${at}${SHAPE_PROBLEMS[found.problem]}`);
  }
  return value ?? undefined;
}

export function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path;
}

/**
 * Like `parse` of the package, but with a limit on the depth: the package notices depth only when its stack is full, or not at
 * all.
 */
async function parseYaml(text: string, name: string): Promise<unknown> {
  // Imported here: loading it takes a fifth of the time that a command needs to start.
  const { Composer, Lexer, LineCounter, Parser } = await import('yaml');
  const lines = new LineCounter();
  const refuse = (problem: string, offset?: number): never => {
    const at = offset === undefined ? undefined : lines.linePos(offset);
    throw new CommandError(`${name}${at ? `:${at.line}:${at.col}` : ''}: ${problem}`);
  };
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  function* tokens() {
    for (const lexeme of new Lexer().lex(text)) {
      yield* parser.next(lexeme);
      if (parser.stack.length > DEEPEST) refuse(SHAPE_PROBLEMS['too-deep'], parser.offset);
    }
    yield* parser.end();
  }
  const [document, second] = new Composer().compose(tokens(), true, text.length);
  if (second) refuse('there is more than one document: "---" begins another one', second.range[0]);
  const error: YAMLError | undefined = document?.errors[0];
  if (error) refuse(error.message, error.pos[0]);
  try {
    return document?.toJS() as unknown;
  } catch (thrown) {
    // An alias without an anchor, or aliases that would expand without bounds.
    if (!(thrown instanceof ReferenceError)) throw thrown;
    const isBomb = thrown.message.startsWith('Excessive alias count');
    return refuse(isBomb ? 'its aliases (*name) stand for too much: write it out' : thrown.message);
  }
}
