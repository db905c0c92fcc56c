const KEYWORDS = new Set(
  (
    'and break do else elseif end false for function if in local nil not or ' +
    'repeat return then true until while'
  ).split(' '),
);

/** Words and signs of a Lua text, without comments and strings. */
function tokensOf(text: string): string[] {
  const code = text.replace(/^#!.*|--.*|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/g, (found) =>
    /^['"]/.test(found) ? "''" : '',
  );
  return code.match(/[A-Za-z_]\w*|\d[\w.]*|==|~=|<=|>=|\.{2,3}|\S/g) ?? [];
}

const isName = (token: string | undefined) =>
  token !== undefined && /^[A-Za-z_]/.test(token) && !KEYWORDS.has(token);

/** The names that a Lua text uses and does not define: globals, and locals of whoever includes it. Each once. */
export function freeNames(text: string): string[] {
  const tokens = tokensOf(text);
  const free = new Set<string>();
  const scopes: Set<string>[] = [new Set()];
  const define = (names: string[]) => names.forEach((name) => scopes.at(-1)?.add(name));
  /** Names and commas from here on. */
  const namesFrom = (at: number) => {
    const names: string[] = [];
    for (let i = at; isName(tokens[i]); i += 2) {
      names.push(tokens[i] ?? '');
      if (tokens[i + 1] !== ',') break;
    }
    return names;
  };
  let waiting: string[] = [];
  let inCondition = false;
  let depth = 0;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] ?? '';
    if (token === '{') depth += 1;
    if (token === '}') depth -= 1;
    if (token === 'local' && tokens[i + 1] === 'function') {
      define([tokens[i + 2] ?? '']);
    } else if (token === 'local') {
      waiting = namesFrom(i + 1);
      i += 2 * waiting.length - 1;
      // They exist when the statement has ended: right away when it has no value.
      if (tokens[i + 1] !== '=') define(waiting.splice(0));
    } else if (token === 'function') {
      const open = tokens.indexOf('(', i);
      scopes.push(new Set(namesFrom(open + 1)));
      i = tokens.indexOf(')', open);
    } else if (token === 'for') {
      waiting = namesFrom(i + 1);
      i += 2 * waiting.length - 1;
    } else if (['do', 'then', 'repeat'].includes(token)) {
      scopes.push(new Set(token === 'do' ? waiting.splice(0) : []));
    } else if (token === 'until') {
      // The locals of the block are there in its condition, too.
      inCondition = true;
    } else if (token === 'end' || token === 'elseif') {
      scopes.pop();
    } else if (token === 'else') {
      scopes.pop();
      scopes.push(new Set());
    } else if (isName(token) && tokens[i - 1] !== '.') {
      const isKey = depth > 0 && tokens[i + 1] === '=';
      if (!isKey && !scopes.some((scope) => scope.has(token))) free.add(token);
    }
    if ((waiting.length > 0 || inCondition) && endsStatement(tokens, i)) {
      define(waiting.splice(0));
      if (inCondition) scopes.pop();
      inCondition = false;
    }
  }
  return [...free];
}

/** True when an expression ends here: the next word cannot go on with it. */
function endsStatement(tokens: string[], at: number): boolean {
  const [token = '', next] = [tokens[at], tokens[at + 1]];
  const canEnd = /^[\w'})\]]/.test(token) && !(KEYWORDS.has(token) && !/^(true|false|nil|end)$/.test(token));
  const begins = next === undefined || /^[A-Za-z_]/.test(next);
  return canEnd && begins && !['and', 'or', 'do', 'in'].includes(next ?? '');
}

/** The local names of a Lua text itself: those that begin a line. */
export function definedBy(text: string): string[] {
  return [...text.matchAll(/^local (?:function )?([\w, ]+)/gm)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.trim()),
  );
}
