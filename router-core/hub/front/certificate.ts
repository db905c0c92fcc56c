import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

/** A certificate with its key: the paths of their files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateTexts {
  /** PEM: the certificate, then those that lead to its authority. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface Certificate extends CertificateTexts {
  /** Host names in lower case; `*.example.com` stands for one label in place of the star. */
  readonly names: readonly string[];
  /** ms since the epoch. */
  readonly expiresAt: number;
  readonly context: SecureContext;
}

/**
 * TLS 1.2 with forward secrecy and authenticated encryption, and TLS 1.3: Mozilla's "intermediate" list without DHE. HTTP/2 forbids
 * what is weaker (RFC 9113 §9.2.2).
 */
export const TLS_OPTIONS = {
  minVersion: 'TLSv1.2',
  ciphers: [
    ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
    ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
    ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
    ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ].join(':'),
} as const satisfies SecureContextOptions;

/** Throws when the texts are no certificate and its key. */
export function readCertificate({ cert, key }: CertificateTexts): Certificate {
  const { subjectAltName = '', validTo } = new X509Certificate(cert);
  const names = [...subjectAltName.matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name = '']) =>
    name.toLowerCase(),
  );
  return {
    cert,
    key,
    names,
    expiresAt: Date.parse(validTo),
    // Fails when the key is not that of the certificate.
    context: createSecureContext({ ...TLS_OPTIONS, cert, key }),
  };
}
