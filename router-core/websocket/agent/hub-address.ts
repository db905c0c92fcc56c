/** Where a hub takes links: behind its base path. */
export function linkUrl(hub: string): string {
  return pathOf(hub, '/_router/link').href.replace(/^http/, 'ws');
}

/** Where a hub says what a token is for. */
export function identityUrl(hub: string): string {
  return pathOf(hub, '/_router/agent').href;
}

function pathOf(hub: string, path: string): URL {
  const url = new URL(hub);
  // The whole address of a link may have been pasted.
  url.pathname = url.pathname.replace(/(?:\/_router\/link)?\/*$/, '') + path;
  return url;
}
