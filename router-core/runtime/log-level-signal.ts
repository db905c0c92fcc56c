import { LOG_LEVELS, setLevel, type Logger, type LogLevel } from './logger.ts';

/** SIGUSR1 is Node's own, for its debugger. */
const SIGNAL = 'SIGUSR2';

/** The levels that each signal sets in turn: debug, trace, then the configured one again. */
function levelsInTurn(configured: LogLevel): LogLevel[] {
  const more = (['debug', 'trace'] as const).filter(
    (level) => LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(configured),
  );
  return [configured, ...more];
}

/**
 * SIGUSR2 makes the log more verbose, step by step, and at last as it was configured, so that nobody has to restart a process
 * to look for a fault. `onChange` is called with each new level.
 */
export function changeLevelOnSignal(log: Logger, onChange: (level: LogLevel) => void = () => {}): void {
  const levels = levelsInTurn(log.level as LogLevel);
  let step = 0;
  process.on(SIGNAL, () => {
    step = (step + 1) % levels.length;
    const level = levels[step] ?? 'info';
    // Logged while the more verbose of both levels is set, so that it is seen in either direction.
    if (step > 0) setLevel(log, level);
    log.info({ level }, 'log level changed by signal');
    setLevel(log, level);
    onChange(level);
  });
}

/** The message of a primary to its workers. */
export interface LevelMessage {
  readonly type: 'mini-router:log-level';
  readonly level: LogLevel;
}

/**
 * For a worker: takes over its primary's level. Ignores signals to the worker itself, because a signal to the process group
 * reaches both.
 */
export function followPrimaryLevel(log: Logger): void {
  process.on(SIGNAL, () => {});
  process.on('message', (message: Partial<LevelMessage> | null) => {
    const { type, level } = message ?? {};
    if (type === 'mini-router:log-level' && level !== undefined) setLevel(log, level);
  });
}
