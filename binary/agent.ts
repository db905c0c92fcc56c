import { runAgent } from '../router-core/agent/main.ts';
import { agentSettings } from '../router-core/agent/settings.ts';
import { createProgram, runProgram } from '../router-core/runtime/run-command.ts';
import { useSettings } from '../router-core/runtime/settings.ts';

const program = createProgram({
  name: 'mini-router-agent',
  about: 'Pulls requests of a group and calls the upstream beside it.',
});
useSettings(program, agentSettings, runAgent);
// A binary is a CommonJS script, which has no await out here.
void runProgram(program);
