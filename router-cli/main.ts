import { runProgram } from '../router-core/runtime/run-command.ts';
import { createCli } from './program.ts';

await runProgram(createCli({ env: process.env, script: process.argv[1] ?? '' }));
