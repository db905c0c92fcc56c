import cluster from 'node:cluster';
import { basename } from 'node:path';
import { createCore } from '../router-core/program.ts';
import { runProgram } from '../router-core/runtime/run-command.ts';

const [node = '', file = '', ...given] = process.argv;

/** Hubs, agents, router-api and router-cli in one file. It is the program by whose name it is called: `ln -s mini-router router-cli`. */
async function run(): Promise<void> {
  // Workers are hubs, whatever the file is called.
  const calledAs = cluster.isWorker ? 'router-core' : basename(process.argv0);
  if (calledAs === 'router-api') return runApi(calledAs, given);
  if (calledAs === 'router-cli') return runRouterCli({ words: given });
  const [first, ...rest] = given;
  if (calledAs === 'router-core') return runProgram(createCore(calledAs));
  if (first === 'api') return runApi('mini-router api', rest);
  if (first === 'cli') return runRouterCli({ words: rest, binary: file });
  const program = createCore('mini-router');
  // Only for the help: they have run already.
  program.command('api').description('serve the control plane over HTTP: router-api');
  program.command('cli').description('run and manage mini-router: router-cli');
  return runProgram(program);
}

async function runApi(name: string, args: readonly string[]): Promise<void> {
  const { createApiProgram } = await import('../router-api/program.ts');
  await runProgram(createApiProgram(name), [node, file, ...args]);
}

async function runRouterCli({ words, binary }: { words: readonly string[]; binary?: string }): Promise<void> {
  const { runCli } = await import('../router-cli/run-cli.ts');
  await runCli(words, { env: process.env, script: file, ...(binary !== undefined && { binary }) });
}

// A binary is a CommonJS script, which has no await out here.
void run();
