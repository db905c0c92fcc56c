export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * The shell code that completes router-cli: it passes the words so far, the last one unfinished, to the hidden command
 * `complete` of the router-cli that was typed. When there is nothing to offer, it offers files.
 */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# source <(router-cli completion bash)
_router_cli() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _router_cli router-cli
`,
  zsh: `# source <(router-cli completion zsh)
_router_cli() {
  local -a offered
  offered=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${offered[1]}" ]]; then compadd -a offered; else _files; fi
}
compdef _router_cli router-cli
`,
  fish: `# router-cli completion fish | source
function __router_cli_complete
  set -l before (commandline -opc)
  set -l current (commandline -ct)
  command $before[1] complete -- $before[2..-1] "$current" 2>/dev/null
end
complete -c router-cli -a '(__router_cli_complete)'
`,
};
