import { contextFilePath, editContexts, type Context, type Contexts } from './context-file.ts';

const NAME = 'local';

export interface LocalContext {
  readonly name: string;
  /** True when commands use the context without --context. */
  readonly isCurrent: boolean;
  remove(): Promise<void>;
}

/**
 * A context for the API of a running `router-cli up`. It becomes the current one only when no other was chosen: a command for
 * another API must not end up here, nor the other way round.
 */
export async function addLocalContext(
  env: NodeJS.ProcessEnv,
  context: Omit<Context, 'pid'>,
): Promise<LocalContext> {
  const path = contextFilePath(env);
  let name = NAME;
  let isCurrent = false;
  await editContexts(path, (all) => {
    const { current, contexts } = withoutEnded(all);
    name = freeName(contexts);
    isCurrent = current === null;
    return {
      current: isCurrent ? name : current,
      contexts: { ...contexts, [name]: { ...context, pid: process.pid } },
    };
  });
  return {
    name,
    isCurrent,
    remove: () =>
      editContexts(path, (all) => {
        // Somebody may have logged in under this name since.
        if (all.contexts[name]?.pid !== process.pid) return all;
        const { [name]: _own, ...contexts } = all.contexts;
        return { current: all.current === name ? null : all.current, contexts };
      }),
  };
}

/** Without contexts whose `up` was killed. */
function withoutEnded({ current, contexts }: Contexts): Contexts {
  const alive = Object.entries(contexts).filter(([, { pid }]) => pid === undefined || isAlive(pid));
  const left = Object.fromEntries(alive);
  return { current: current !== null && Object.hasOwn(left, current) ? current : null, contexts: left };
}

function freeName(contexts: Contexts['contexts']): string {
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? NAME : `${NAME}-${n}`;
    if (!Object.hasOwn(contexts, name)) return name;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
