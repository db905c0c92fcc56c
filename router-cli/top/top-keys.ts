/** What `top` shows when it is asked for help; docs/cli.md has it, too. */
export const TOP_KEYS = [
  '↑ ↓ j k      select a row            1 2 3 Tab   groups, instances, requests',
  's            sort by the next column  r           the other way round',
  '/            filter; Esc ends it      Enter       requests of the selected group',
  'p            pause or resume the selected group, or the agent of the selected instance',
  'd            drain the agent of the selected instance: it finishes what runs, and ends',
  'c            cancel the selected request',
  'q Ctrl-C     leave',
];
