/** Where a Redis is: without user and password. An agent's token is its login; it is not to learn another one. */
export function withoutLogin(redisUrl: string): string {
  const url = new URL(redisUrl);
  url.username = '';
  url.password = '';
  return url.href;
}
