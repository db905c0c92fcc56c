import { LIST_OF, OBJECT_KINDS } from '../router-core/config/object-kinds.ts';

/** Words that users of kubectl and gh type in place of router-cli's; the meaning of `get` depends on the next word. */
const VERBS: Readonly<Record<string, string>> = {
  describe: 'show',
  view: 'show',
  create: 'add',
  update: 'set',
  delete: 'remove',
  edit: 'edit',
};

/** Nouns and their other spellings. */
const NOUNS: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(OBJECT_KINDS.map((kind) => [kind, [LIST_OF[kind]]])),
  context: ['contexts', 'ctx'],
  requests: ['request'],
  config: ['configuration'],
};

const NOUN_OF = new Map(
  Object.entries(NOUNS).flatMap(([noun, others]) => [noun, ...others].map((word) => [word, noun] as const)),
);

/** Options that may precede the command; each has a value. */
const GLOBAL = /^(--context|-o|--output)(=|$)/;

/** For --help. */
export const SPELLINGS = `
Verbs may go first and nouns may be plural, as with kubectl: \`get groups\`, \`groups\`, \`describe agent NAME\`,
\`delete route NAME\`, \`edit group NAME\`. \`help COMMAND\` is \`COMMAND --help\`; --context and -o may go before the command.
`;

/** The arguments as router-cli's commands are called: noun, verb, rest. Known spellings stay as they are. */
export function spellOut(given: readonly string[]): string[] {
  const { leading, words } = takeGlobal(given);
  const [first = '', second = '', ...rest] = words;
  if (first === 'help') return words.length === 1 ? ['--help'] : [...spellOut(words.slice(1)), '--help'];
  const spelled = verbFirst(first, second, rest) ?? nounFirst(first, words.slice(1)) ?? words;
  return [...spelled, ...leading];
}

function takeGlobal(given: readonly string[]): { leading: string[]; words: readonly string[] } {
  let at = 0;
  while (GLOBAL.test(given[at] ?? '')) at += given[at]?.includes('=') ? 1 : 2;
  return { leading: given.slice(0, at), words: given.slice(at) };
}

function verbFirst(verb: string, word: string, rest: readonly string[]): string[] | undefined {
  // `group/NAME` is one word for kubectl.
  const [noun, name] = word.split(/\/(.*)/s, 2) as [string, string?];
  const args = name === undefined ? rest : [name, ...rest];
  const known = NOUN_OF.get(noun);
  if (verb === 'get')
    return known === undefined ? plainGet(word, rest) : [known, readOf(known, args), ...args];
  const meant = VERBS[verb];
  return known === undefined || meant === undefined ? undefined : [known, meant, ...args];
}

/** `get status`. */
function plainGet(word: string, rest: readonly string[]): string[] | undefined {
  return word === '' || word.startsWith('-') ? undefined : [word, ...rest];
}

function nounFirst(word: string, rest: readonly string[]): string[] | undefined {
  const noun = NOUN_OF.get(word);
  if (noun === undefined) return undefined;
  const [verb = '', ...args] = rest;
  // A plural alone, or with options: the list.
  const isBare = verb === '' || verb.startsWith('-');
  if (isBare)
    return word === noun || /^(-h|--help)$/.test(verb)
      ? [noun, ...rest]
      : [noun, readOf(noun, rest), ...rest];
  if (verb === 'get') return [noun, readOf(noun, args), ...args];
  return [noun, VERBS[verb] ?? verb, ...args];
}

/** With a name: show it. Without one: list all. */
function readOf(noun: string, args: readonly string[]): string {
  if (noun === 'config') return 'export';
  const isNamed = args[0] !== undefined && !args[0].startsWith('-');
  return isNamed && noun !== 'requests' ? 'show' : 'list';
}
