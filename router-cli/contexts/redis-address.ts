const LOGIN_OPTION = /^(sentinel)?(username|password)=/i;

/** The address of a Redis without user and password: an agent's token is its login, and it must not learn another one. */
export function withoutLogin(redisUrl: string): string {
  // URL() does not accept several hosts.
  const [address = '', query = ''] = redisUrl.replace(/^([\w+]+:\/\/)[^/?#]*@/, '$1').split('?');
  const options = query.split('&').filter((option) => option !== '' && !LOGIN_OPTION.test(option));
  return options.length === 0 ? address : `${address}?${options.join('&')}`;
}
