import { runCli } from './run-cli.ts';

const [, script = '', ...words] = process.argv;
await runCli(words, { env: process.env, script });
