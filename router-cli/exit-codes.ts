/** The exit codes of router-cli, for scripts. docs/cli.md has this table. */
export const EXIT_CODES = {
  ok: { code: 0, means: 'it worked' },
  failed: { code: 1, means: 'it failed, or there are changes with `--exit-code`' },
  usage: { code: 2, means: 'a wrong command, flag or value, also one that the API has refused' },
  notFound: { code: 3, means: 'there is no such object, request or matching route' },
  refused: { code: 4, means: 'no valid token, or a role that does not allow it' },
  conflict: { code: 5, means: 'the configuration does not allow it, or has changed in the meantime' },
  unreachable: { code: 6, means: 'the API or its Redis does not answer, or is too busy: try again later' },
  interrupted: { code: 130, means: 'ended by Ctrl-C' },
  unread: { code: 141, means: 'nobody reads its output any more, as after `| head`' },
} as const;

export type ExitReason = keyof typeof EXIT_CODES;
