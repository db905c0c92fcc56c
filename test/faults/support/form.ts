/** `npm test` runs the short form of each scenario, `npm run soak -- --scenarios` the long one. */
export const IS_LONG = process.env['FAULTS_LONG'] === '1';

/** One of two amounts, by the form in which the scenarios run. */
export const shortOrLong = (short: number, long: number): number => (IS_LONG ? long : short);

/** Timeout of one test. A long run has all the time it needs. */
export const TIMEOUT = { timeout: IS_LONG ? 3_600_000 : 90_000 };

/** Additional time, ms, for promises on a machine with other work. */
export const SLACK_MS = 1_500;
