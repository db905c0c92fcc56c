import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Self-signed certificates for tests only: their keys are public. */
interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** For localhost, first.example and 127.0.0.1. */
export const FIRST: TestCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBoTCCAUigAwIBAgIUXc8oVSccZ+6gPYaoOsudq0ct9lIwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFZmlyc3QwIBcNMjYxMTMwMDk1OTE1WhgPMjEyNjExMDYwOTU5
MTVaMBAxDjAMBgNVBAMMBWZpcnN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
ohJrGW690R8CfsNMfA2tWcuCscjokSQ9TwHRJOcG+trcKlCeBvcqbs6+P0aTobcr
YMagAhdcYWso9slGJIcVP6N+MHwwHQYDVR0OBBYEFCQZgBLLzdih1UmqwqW4RSRF
vORJMB8GA1UdIwQYMBaAFCQZgBLLzdih1UmqwqW4RSRFvORJMA8GA1UdEwEB/wQF
MAMBAf8wKQYDVR0RBCIwIIIJbG9jYWxob3N0gg1maXJzdC5leGFtcGxlhwR/AAAB
MAoGCCqGSM49BAMCA0cAMEQCIGJGZFfsWOVC8jSmzm4i0TFtZ07fblSHqOupA5PB
vTAvAiAMzIJnoKUNlhoD4/9F7t0mTkRxgSMZKrKtLprPc020aQ==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPNQ6Y1WshbYl0sPB
8CxFd9vqwwN+h6uTj27+7yvSaYahRANCAASiEmsZbr3RHwJ+w0x8Da1Zy4KxyOiR
JD1PAdEk5wb62twqUJ4G9ypuzr4/RpOhtytgxqACF1xhayj2yUYkhxU/
-----END PRIVATE KEY-----
`,
};

/** For second.example and *.wild.example. */
export const SECOND: TestCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBpTCCAUqgAwIBAgIUVQZMnzx1cGlTB/WKHSAMuipPrWQwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGc2Vjb25kMCAXDTI2MTEzMDA5NTkxNVoYDzIxMjYxMTA2MDk1
OTE1WjARMQ8wDQYDVQQDDAZzZWNvbmQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAR9HhIBPLyT4kSTdMWOQfRnYdJpsTXpkukETcGh/arYPwS1/7Mz2Ipc1DwkklXo
yHMfLDvu98jDtZ/+rIuZ3VRlo34wfDAdBgNVHQ4EFgQUI4t2XLwO9NriCnrkdjvz
IIm56iQwHwYDVR0jBBgwFoAUI4t2XLwO9NriCnrkdjvzIIm56iQwDwYDVR0TAQH/
BAUwAwEB/zApBgNVHREEIjAggg5zZWNvbmQuZXhhbXBsZYIOKi53aWxkLmV4YW1w
bGUwCgYIKoZIzj0EAwIDSQAwRgIhAL46B534jUa4a1RfzM+yttXgfG1qSzOyTrQW
rsieu5etAiEAhTOG8Cz0uK+gPlxVUljwT89BWU5xe/M9+At7d8IWzi4=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1Rd3VjcJ/Vu7HL9Q
pdPzWGIVugrhF919IidgmGBndYyhRANCAAR9HhIBPLyT4kSTdMWOQfRnYdJpsTXp
kukETcGh/arYPwS1/7Mz2Ipc1DwkklXoyHMfLDvu98jDtZ/+rIuZ3VRl
-----END PRIVATE KEY-----
`,
};

/** For the names of FIRST, with another key. */
export const RENEWED: TestCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBpzCCAUygAwIBAgIUA0gmUK4by1fuG9piMWuvTZfRKxgwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHcmVuZXdlZDAgFw0yNjExMzAwOTU5MTVaGA8yMTI2MTEwNjA5
NTkxNVowEjEQMA4GA1UEAwwHcmVuZXdlZDBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABGBlWXyVXi6tWsnikq/MA1zvwJQJg5rR4l/z/Us3OISWzJ3FBnVYReNnB0kK
Q68jvytuyqjGra/OBubPyAdJoECjfjB8MB0GA1UdDgQWBBQbQ/SdtituVFZHWDGz
lXLpf4gDdzAfBgNVHSMEGDAWgBQbQ/SdtituVFZHWDGzlXLpf4gDdzAPBgNVHRMB
Af8EBTADAQH/MCkGA1UdEQQiMCCCCWxvY2FsaG9zdIINZmlyc3QuZXhhbXBsZYcE
fwAAATAKBggqhkjOPQQDAgNJADBGAiEA0E+NdxVc1hQaDOTf/Uu6vp+VAR+zHaFh
TPALxvDoxeUCIQDU4etcVWT8C+CcLTGQrBeoiYfX1TA09BkZ5caMUTysaQ==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1Qp9De2PtFYourEn
yODZRPxXjwHCBt4A3va+2ntiENWhRANCAARgZVl8lV4urVrJ4pKvzANc78CUCYOa
0eJf8/1LNziElsydxQZ1WEXjZwdJCkOvI78rbsqoxq2vzgbmz8gHSaBA
-----END PRIVATE KEY-----
`,
};

/** Expired in 2020. */
export const EXPIRED: TestCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBDDCBsgIBATAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdleHBpcmVkMB4XDTIw
MDEwMTAwMDAwMFoXDTIwMDIwMTAwMDAwMFowEjEQMA4GA1UEAwwHZXhwaXJlZDBZ
MBMGByqGSM49AgEGCCqGSM49AwEHA0IABDaXzjUCM0239m2QGnVEFcPHxGotcVDs
ia3qCRnV2rkmZaY27dhUJ7i7rq1GdQToinizT8loDnsJL5q/4AIGjO0wCgYIKoZI
zj0EAwIDSQAwRgIhAKT/+7AFeZCw3pun4FMHOi7LJNbXANowXmt8UmB7pHzzAiEA
wwUBd5AiTAiE54MjCnvNoj2Vr/gfJIu7Vo7zOMnGkfI=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgTE8Ta4K6ayIdAciV
9T2kiKG7RfD6oe3ARco/V7lkykOhRANCAAQ2l841AjNNt/ZtkBp1RBXDx8RqLXFQ
7Imt6gkZ1dq5JmWmNu3YVCe4u66tRnUE6Ip4s0/JaA57CS+av+ACBozt
-----END PRIVATE KEY-----
`,
};

export interface CertificatePaths {
  readonly cert: string;
  readonly key: string;
}

/** Writes a certificate and its key as files of this name, over those that are there. */
export async function writeCertificate(
  folder: string,
  name: string,
  { cert, key }: TestCertificate,
): Promise<CertificatePaths> {
  const paths = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  await writeFile(paths.key, key);
  await writeFile(paths.cert, cert);
  return paths;
}
