import { execFile } from 'node:child_process';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';
import { MOST_GPU_KINDS, MOST_HARDWARE_CHARS, type Gpu, type Hardware } from '../exchange/hardware.ts';
import { sleep } from '../runtime/backoff.ts';
import { findProgram } from '../runtime/find-program.ts';
import type { Logger } from '../runtime/logger.ts';

/** A driver in trouble lets nvidia-smi hang. */
const ASK_MS = 10_000;

/** A GPU that has failed disappears from the list of the driver while the agent runs. */
const EVERY_MS = 5 * 60_000;

const MIB = 2 ** 20;

export interface HardwareWatch {
  /** All that is known yet: GPUs come when the driver has answered. */
  readonly hardware: Hardware;
  close(): void;
}

/** Finds out what machine this is, without holding anybody up, and looks again every few minutes. */
export function watchHardware({ onChange, log }: { onChange: () => void; log: Logger }): HardwareWatch {
  const closing = new AbortController();
  let hardware = describeMachine([]);
  const look = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const found = describeMachine(await readGpus(closing.signal, log));
      if (JSON.stringify(found) !== JSON.stringify(hardware)) {
        hardware = found;
        if (!closing.signal.aborted) onChange();
      }
      await sleep(EVERY_MS, closing.signal);
    }
  };
  void look();
  return {
    get hardware() {
      return hardware;
    },
    close: () => closing.abort(),
  };
}

function describeMachine(gpus: readonly Gpu[]): Hardware {
  const cores = cpus();
  return {
    cpu: tidy(cores[0]?.model ?? ''),
    cores: cores.length,
    memoryBytes: totalmem(),
    gpus,
    os: tidy(`${type()} ${release()}`),
    arch: arch(),
    node: process.versions.node,
  };
}

/** The GPUs that NVIDIA's driver lists; none without its nvidia-smi on PATH, or when that fails. */
async function readGpus(signal: AbortSignal, log: Logger): Promise<readonly Gpu[]> {
  const program = findProgram('nvidia-smi');
  if (program === undefined) return [];
  const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader,nounits'];
  try {
    const options = { signal, timeout: ASK_MS, killSignal: 'SIGKILL', maxBuffer: 64 * 1_024 } as const;
    return parseGpus((await promisify(execFile)(program, query, options)).stdout);
  } catch (error) {
    log.debug({ err: error }, 'nvidia-smi does not tell what GPUs there are');
    return [];
  }
}

/** `NVIDIA A100-SXM4-80GB, 81920, 550.54.15`, a line for each GPU; those that are alike are counted. */
export function parseGpus(csv: string): readonly Gpu[] {
  const kinds = new Map<string, Gpu>();
  for (const line of csv.split('\n')) {
    const [, name, mebibytes, driver] = /^(.+), *([^,]+), *([^,]+)$/.exec(line.trim()) ?? [];
    if (name === undefined || driver === undefined) continue;
    const count = (kinds.get(line)?.count ?? 0) + 1;
    // `[N/A]` on machines whose GPU shares the memory of the processor.
    const memoryBytes = /^\d{1,9}$/.test(mebibytes ?? '') ? Number(mebibytes) * MIB : 0;
    kinds.set(line, { name: tidy(name), memoryBytes, driver: tidy(driver), count });
  }
  return [...kinds.values()].slice(0, MOST_GPU_KINDS);
}

/** One line without control characters, and without the blanks that vendors pad their names with. */
function tidy(words: string): string {
  return words
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, MOST_HARDWARE_CHARS);
}
