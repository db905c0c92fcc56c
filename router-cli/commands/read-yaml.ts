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

/** YAML, of which JSON is a part. Undefined where nothing stands. */
export async function readYaml({ path, text }: { path: string; text: string }): Promise<unknown> {
  // YAML takes a hundred times as long: half a minute for a hundred thousand routes.
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

/** As `parse` of the package does it, but for the depth, which it would only notice when its stack is full, or not even then. */
async function parseYaml(text: string, name: string): Promise<unknown> {
  // Loaded here: it is a fifth of the time that a command takes to start.
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
    // Of aliases: one that names nothing, or so many that what they stand for has no bounds.
    if (!(thrown instanceof ReferenceError)) throw thrown;
    const isBomb = thrown.message.startsWith('Excessive alias count');
    return refuse(isBomb ? 'its aliases (*name) stand for too much: write it out' : thrown.message);
  }
}
