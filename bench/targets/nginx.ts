/** Target `nginx`: a reverse proxy in the foreground, with its files in a private directory. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../router-core/runtime/free-port.ts';
import { readyTarget, type Target, type TargetSettings } from './target.ts';

/**
 * Keep-alive on both sides and no log, as one would tune it; request and reply buffering as nginx ships
 * them, except for /sse, where buffering would hold events back.
 */
function configuration(dir: string, port: number, upstreamPort: number, workers: number): string {
  const buffers = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
worker_processes ${workers};
pid ${dir}/nginx.pid;
error_log ${dir}/error.log warn;
events { worker_connections 4096; }
http {
  access_log off;
  ${buffers.map((name) => `${name}_temp_path ${dir}/${name};`).join('\n  ')}
  tcp_nodelay on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream backend {
    server 127.0.0.1:${upstreamPort};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { proxy_pass http://backend; }
    location /sse { proxy_pass http://backend; proxy_buffering off; }
  }
}
`;
}

export async function startNginx(settings: TargetSettings, workers: number): Promise<Target> {
  const dir = settings.workspace.directory(`nginx-${workers}`);
  const port = await freePort();
  const file = join(dir, 'nginx.conf');
  writeFileSync(file, configuration(dir, port, settings.upstreamPort, workers));
  const args = ['-p', dir, '-e', join(dir, 'error.log'), '-c', file];
  const nginx = await settings.workspace.start('nginx', 'nginx', args);
  return readyTarget({ name: 'nginx', port, children: [nginx] }, settings);
}
