const LOGIN_OPTION = /^(sentinel)?(username|password)=/i;

/** Where a Redis is: without user and password. An agent's token is its login; it is not to learn another one. */
export function withoutLogin(redisUrl: string): string {
  // With several hosts it is no URL to URL().
  const [address = '', query = ''] = redisUrl.replace(/^([\w+]+:\/\/)[^/?#]*@/, '$1').split('?');
  const options = query.split('&').filter((option) => option !== '' && !LOGIN_OPTION.test(option));
  return options.length === 0 ? address : `${address}?${options.join('&')}`;
}
