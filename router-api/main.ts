import { createProgram, runProgram } from '../router-core/runtime/run-command.ts';
import { useSettings } from '../router-core/runtime/settings.ts';
import { serveApi } from './serve.ts';
import { apiSettings } from './settings.ts';

const program = createProgram({
  name: 'router-api',
  about:
    'Health and status of mini-router over HTTP. Endpoints to manage groups, routes, apps and agents follow.',
});

useSettings(program, apiSettings, serveApi);

await runProgram(program);
