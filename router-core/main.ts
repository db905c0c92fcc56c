import { createCore } from './program.ts';
import { runProgram } from './runtime/run-command.ts';

await runProgram(createCore('router-core'));
