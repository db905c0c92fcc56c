/** The help text of `top`, in 80 columns; docs/cli.md has it, too. */
export const TOP_KEYS = [
  '↑ ↓ j k   select a row           1 2 3 4 Tab  groups, instances, requests, hubs',
  's         sort by the next one   r            the other way round',
  '/         filter; Esc ends it    Enter        requests of the selected group',
  'p         pause or resume the selected group, or the agent of the instance',
  'd         drain the agent of the selected instance: it finishes its requests',
  'c         cancel the selected request',
  'q Ctrl-C  leave',
  '',
  'WAITING   in line for a slot     QUEUED       handed out, not yet pulled',
  'RUNNING   pulled by an instance  SLOTS        what may run at once now',
  '/SEC      replies, of all hubs   ERR          share with a status of 500 or more',
  'P50 P99   from head to outcome   FOR          how long it has been so',
];
