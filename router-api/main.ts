import { runProgram } from '../router-core/runtime/run-command.ts';
import { createApiProgram } from './program.ts';

await runProgram(createApiProgram('router-api'));
