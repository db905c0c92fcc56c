import { readFile } from 'node:fs/promises';
import { CommandError } from '../../runtime/run-command.ts';
import type { Logger } from '../../runtime/logger.ts';
import {
  readCertificate,
  type Certificate,
  type CertificateFiles,
  type CertificateTexts,
} from './certificate.ts';
import { ExpiryNotice } from './expiry-notice.ts';

/** Files are read this often, ms. What has changed counts when two looks in a row find the same. */
const LOOK_EVERY_MS = 500;

interface Kept {
  readonly files: CertificateFiles;
  readonly notice: ExpiryNotice;
  certificate: Certificate;
  /** The texts, or the error, of the last look, when they were not those in use. */
  seen: string;
  /** The texts, or the error, that were refused: they are not refused again. */
  refused: string;
}

/**
 * The certificates of a hub. Their files are read again and again rather than watched: certbot renames links, Kubernetes swaps a
 * directory, and a watch of the file misses both. Connections that are there keep the certificate that they began with.
 */
export class CertificateStore {
  readonly #kept: readonly Kept[];
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #byName = new Map<string, Certificate>();
  #isLooking = false;
  /** Are told when the first certificate was swapped. */
  readonly listeners = new Set<(first: Certificate) => void>();

  private constructor(kept: readonly Kept[], log: Logger) {
    this.#kept = kept;
    this.#log = log;
    this.#index();
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
  }

  /** Rejects with a sentence that says what to do when a file is missing, or is not what it should be. */
  static async open(files: readonly CertificateFiles[], log: Logger): Promise<CertificateStore> {
    return new CertificateStore(await Promise.all(files.map((pair) => openPair(pair, log))), log);
  }

  /** The one for clients that name no host, or one that no certificate has. */
  get first(): Certificate {
    const [first] = this.#kept;
    if (!first) throw new Error('a store without a certificate');
    return first.certificate;
  }

  /** The certificate for a host name as a client sends it (SNI, RFC 6066 §3): one with that name, else one with a wildcard for it. */
  find(serverName: string): Certificate | undefined {
    const name = serverName.toLowerCase();
    return this.#byName.get(name) ?? this.#byName.get(name.replace(/^[^.]+/, '*'));
  }

  /** Path of each certificate, and when it expires, ms since the epoch. */
  expiries(): { readonly file: string; readonly expiresAt: number }[] {
    return this.#kept.map(({ files, certificate }) => ({
      file: files.cert,
      expiresAt: certificate.expiresAt,
    }));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #index(): void {
    this.#byName = new Map();
    for (const { certificate } of this.#kept) {
      for (const name of certificate.names) if (!this.#byName.has(name)) this.#byName.set(name, certificate);
    }
  }

  async #look(): Promise<void> {
    // A disk that stands still must not be asked twice.
    if (this.#isLooking) return;
    this.#isLooking = true;
    for (const kept of this.#kept) await this.#lookAt(kept);
    this.#isLooking = false;
  }

  async #lookAt(kept: Kept): Promise<void> {
    const { files, notice } = kept;
    notice.look(kept.certificate.expiresAt);
    const found = await tryRead(files);
    const text = found instanceof Error ? found.message : JSON.stringify(found);
    const { cert, key } = kept.certificate;
    const isInUse = text === JSON.stringify({ cert, key });
    // Certificate and key are written one after the other: what is found once may be half of it.
    if (!isInUse && text === kept.seen && text !== kept.refused) this.#swap(kept, found, text);
    kept.seen = isInUse ? '' : text;
    if (isInUse) kept.refused = '';
  }

  #swap(kept: Kept, found: CertificateTexts | Error, text: string): void {
    const { files, notice } = kept;
    try {
      if (found instanceof Error) throw found;
      const certificate = readCertificate(found);
      if (certificate.expiresAt < Date.now()) throw new Error('it has expired');
      kept.certificate = certificate;
    } catch (error) {
      kept.refused = text;
      this.#log.error({ err: error, ...files }, 'a new certificate cannot be used, the old one stays');
      return;
    }
    this.#index();
    notice.renewed();
    this.#log.info({ ...files, names: kept.certificate.names }, 'a certificate was swapped');
    if (kept !== this.#kept[0]) return;
    for (const listener of this.listeners) listener(kept.certificate);
  }
}

async function tryRead(files: CertificateFiles): Promise<CertificateTexts | Error> {
  try {
    return await readTexts(files);
  } catch (error) {
    return error as Error;
  }
}

async function readTexts({ cert, key }: CertificateFiles): Promise<CertificateTexts> {
  return { cert: await readFile(cert, 'latin1'), key: await readFile(key, 'latin1') };
}

async function openPair(files: CertificateFiles, log: Logger): Promise<Kept> {
  try {
    const certificate = readCertificate(await readTexts(files));
    return { files, certificate, notice: new ExpiryNotice(files.cert, log), seen: '', refused: '' };
  } catch (error) {
    const { message } = error as Error;
    throw new CommandError(`--tls-cert ${files.cert} with --tls-key ${files.key} cannot be used: ${message}`);
  }
}
