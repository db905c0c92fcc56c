import { freePort } from '../support/ports.ts';

/** How an address and its port are written in docs/operations.md, in docker-compose.yml and in the files of deploy/. */
const WRITTEN = [
  /(?<ip>10\.77\.0\.\d+):(?<port>\d+)/g,
  /--host (?<ip>10\.77\.0\.\d+) --port (?<port>\d+)/g,
  /-h (?<ip>10\.77\.0\.\d+) -p (?<port>\d+)/g,
  /^bind (?<ip>10\.77\.0\.\d+)\nport (?<port>\d+)/gm,
  /^tls-port (?<port>\d+)/gm,
  /https:\/\/(?<ip>10\.77\.0\.\d+)(?=\/)/g,
];

/** Where redis-tls.conf names a port without its address. */
const REDIS = '10.77.0.10';

export type Localise = (text: string) => string;

/**
 * Loopback and free ports for the addresses in `texts`, and `folders` in place of those that belong to a machine. Returns
 * what rewrites a text.
 */
export async function localAddresses(texts: string[], folders: Record<string, string>): Promise<Localise> {
  const ports = new Map<string, number>();
  for (const place of texts.flatMap(placesIn)) ports.set(place, ports.get(place) ?? (await freePort()));

  return (text) => {
    let local = text;
    for (const written of WRITTEN) {
      local = local.replaceAll(written, (...args) => {
        const [match] = args as [string];
        const { ip = REDIS, port = '443' } = args.at(-1) as { ip?: string; port?: string };
        const here = String(ports.get(`${ip}:${port}`));
        return match.endsWith(port)
          ? match.replace(ip, '127.0.0.1').replace(new RegExp(`${port}$`), here)
          : `https://127.0.0.1:${here}`;
      });
    }
    for (const [folder, here] of Object.entries(folders)) local = local.replaceAll(folder, here);
    return local.replaceAll(/10\.77\.0\.\d+/g, '127.0.0.1');
  };
}

function placesIn(text: string): string[] {
  return WRITTEN.flatMap((written) =>
    [...text.matchAll(written)].map(
      ({ groups = {} }) => `${groups['ip'] ?? REDIS}:${groups['port'] ?? '443'}`,
    ),
  );
}
