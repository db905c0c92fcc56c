import { apiPath, type ApiClient } from '../api/client.ts';
import type { Question, TopState } from './top-state.ts';
import { VIEWS } from './top-view.ts';

const PAGE = 10;

interface KeyContext {
  readonly api: ApiClient;
  /** Must be called when something changes later. */
  readonly draw: () => void;
}

/** Handles a key. Returns false to quit. */
export function pressKey(state: TopState, key: string, { api, draw }: KeyContext): boolean {
  if (key === 'CTRL_C') return false;
  state.message = undefined;
  if (state.question) void answerQuestion(state, key, draw);
  else if (state.isTyping) typeFilter(state, key);
  else if (key === 'q') return false;
  else command(state, key, api);
  return true;
}

async function answerQuestion(state: TopState, key: string, draw: () => void): Promise<void> {
  const { question } = state;
  state.question = undefined;
  if (question === undefined || (key !== 'y' && key !== 'Y')) return;
  state.message = { text: '…', tone: 'quiet' };
  try {
    state.message = { text: await question.run(), tone: 'good' };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    state.message = { text: text.replaceAll(/\s*\n\s*/g, ' '), tone: 'bad' };
  }
  draw();
}

function typeFilter(state: TopState, key: string): void {
  if (key === 'ENTER') state.isTyping = false;
  else if (key === 'ESCAPE') {
    state.isTyping = false;
    state.filter = '';
  } else if (key === 'BACKSPACE') state.filter = state.filter.slice(0, -1);
  // Names of keys are longer; characters outside the basic plane are not used in filters.
  else if (key.length === 1) state.filter += key;
}

const MOVES: Readonly<Record<string, number>> = {
  UP: -1,
  k: -1,
  DOWN: 1,
  j: 1,
  PAGE_UP: -PAGE,
  PAGE_DOWN: PAGE,
  HOME: -Infinity,
  END: Infinity,
};

function command(state: TopState, key: string, api: ApiClient): void {
  const move = MOVES[key];
  const view = VIEWS[Number(key) - 1];
  if (move !== undefined) state.moveSelection(move);
  else if (view) state.showView(view);
  else if (key === 'TAB') state.nextView(1);
  else if (key === 'SHIFT_TAB') state.nextView(-1);
  else if (key === 's') state.sortByNext();
  else if (key === 'r') state.reverseOrder();
  else if (key === '/') state.isTyping = true;
  else if (key === 'ESCAPE') {
    state.filter = '';
    state.isHelp = false;
  } else if (key === '?' || key === 'h') state.isHelp = !state.isHelp;
  else if (key === 'ENTER') showRequests(state);
  else if (key === 'p' || key === 'd' || key === 'c') ask(state, key, api);
}

function showRequests(state: TopState): void {
  const subject = state.selected();
  if (subject?.kind !== 'group') return;
  state.showView('requests');
  state.filter = subject.id;
}

function ask(state: TopState, key: 'p' | 'd' | 'c', api: ApiClient): void {
  const question = { p: pauseQuestion, d: drainQuestion, c: cancelQuestion }[key](state, api);
  if (typeof question === 'string') state.message = { text: question, tone: 'warn' };
  else state.question = question;
}

function pauseQuestion(state: TopState, api: ApiClient): Question | string {
  const subject = state.selected();
  if (subject?.kind === 'group') {
    const action = subject.paused ? 'resume' : 'pause';
    return actOn(
      { list: 'groups', name: subject.id, action, text: `${action} the group ${subject.id}` },
      api,
    );
  }
  if (subject?.kind !== 'instance') return 'p pauses groups and agents: press 1 or 2 and select one';
  const { agent, state: at } = subject;
  if (agent === null) return 'this instance has no agent record: it cannot be paused from here';
  const action = at === 'paused' || at === 'draining' ? 'resume' : 'pause';
  return actOn({ list: 'agents', name: agent, action, text: `${action} the agent ${agent}` }, api);
}

function drainQuestion(state: TopState, api: ApiClient): Question | string {
  const subject = state.selected();
  if (subject?.kind !== 'instance') return 'd drains agents: press 2 and select an instance';
  const { agent } = subject;
  if (agent === null) return 'this instance has no agent record: stop its process with SIGTERM';
  return actOn({ list: 'agents', name: agent, action: 'drain', text: `drain the agent ${agent}` }, api);
}

interface Act {
  readonly list: string;
  readonly name: string;
  readonly action: string;
  readonly text: string;
}

function actOn({ list, name, action, text }: Act, api: ApiClient): Question {
  return {
    text: `${text[0]?.toUpperCase()}${text.slice(1)}?`,
    run: async () => {
      await api.call('POST', apiPath(list, name, action));
      return `${text}: done`;
    },
  };
}

function cancelQuestion(state: TopState, api: ApiClient): Question | string {
  const subject = state.selected();
  if (subject?.kind !== 'request') return 'c cancels requests: press 3 and select one';
  const { id, group } = subject;
  return {
    text: `Cancel the request ${id}?`,
    run: async () => {
      await api.call('DELETE', apiPath('requests', id), { query: { group } });
      return `the request ${id} is cancelled`;
    },
  };
}
