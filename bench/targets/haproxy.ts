/** Target `haproxy`: a reverse proxy in the foreground, with its file in a private directory. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../router-core/runtime/free-port.ts';
import { readyTarget, type Target, type TargetSettings } from './target.ts';

/** As one would tune it. Without http-no-delay an event waits up to 100 ms for more data to send with it. */
function configuration(port: number, upstreamPort: number, threads: number): string {
  return `
global
  nbthread ${threads}
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  option http-keep-alive
  http-reuse always
frontend front
  bind 127.0.0.1:${port} backlog 4096
  use_backend events if { path_beg /sse }
  default_backend back
backend back
  server upstream 127.0.0.1:${upstreamPort}
backend events
  option http-no-delay
  server upstream 127.0.0.1:${upstreamPort}
`;
}

export async function startHaproxy(settings: TargetSettings, threads: number): Promise<Target> {
  const port = await freePort();
  const file = join(settings.workspace.directory(`haproxy-${threads}`), 'haproxy.cfg');
  writeFileSync(file, configuration(port, settings.upstreamPort, threads));
  const haproxy = await settings.workspace.start('haproxy', 'haproxy', ['-db', '-f', file]);
  return readyTarget({ name: 'haproxy', port, children: [haproxy] }, settings);
}
