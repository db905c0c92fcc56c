import { LOG_LEVELS, setLevel, type Logger, type LogLevel } from './logger.ts';

/** SIGUSR1 is Node's own, for its debugger. */
const SIGNAL = 'SIGUSR2';

/** What each signal leads to in turn: from the configured level to debug, to trace, and back. */
function levelsInTurn(configured: LogLevel): LogLevel[] {
  const more = (['debug', 'trace'] as const).filter(
    (level) => LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(configured),
  );
  return [configured, ...more];
}

/**
 * SIGUSR2 makes the log more verbose, step by step, and at last as it was configured: whoever looks for a fault need not
 * restart what has it. `onChange` is called with each new level.
 */
export function changeLevelOnSignal(log: Logger, onChange: (level: LogLevel) => void = () => {}): void {
  const levels = levelsInTurn(log.level as LogLevel);
  let step = 0;
  process.on(SIGNAL, () => {
    step = (step + 1) % levels.length;
    const level = levels[step] ?? 'info';
    // Said while the more verbose of both counts, so that it is seen in either direction.
    if (step > 0) setLevel(log, level);
    log.info({ level }, 'log level changed by signal');
    setLevel(log, level);
    onChange(level);
  });
}

/** What a primary sends to its workers. */
export interface LevelMessage {
  readonly type: 'mini-router:log-level';
  readonly level: LogLevel;
}

/**
 * In a worker: takes over its primary's level. A signal to the worker itself is ignored, because one to the whole process
 * group reaches both.
 */
export function followPrimaryLevel(log: Logger): void {
  process.on(SIGNAL, () => {});
  process.on('message', (message: Partial<LevelMessage> | null) => {
    const { type, level } = message ?? {};
    if (type === 'mini-router:log-level' && level !== undefined) setLevel(log, level);
  });
}
