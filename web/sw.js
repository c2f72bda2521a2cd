// Keeps the page's own files, so that it opens without a network after the first visit. Never a model or an adapter:
// those are asked for with "no-store" and lie in the page's private storage. The server's answer goes first, so nothing
// that is published waits for this.

const SHELF = "smolder-shell";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => isShell(event.request) && event.respondWith(answer(event.request)));
// What a first visit loads comes before this program does, so the page says what that was.
addEventListener("message", (event) => event.waitUntil(keepAll(event.data.keep)));

function isShell(request) {
  const { origin, pathname } = new URL(request.url);
  const ours = origin === location.origin && !pathname.endsWith(".gguf");
  return ours && request.method === "GET" && request.cache !== "no-store";
}

async function answer(request) {
  const shelf = await caches.open(SHELF);
  try {
    const response = await fetch(request);
    if (response.ok) await keep(shelf, request, response.clone());
    return response;
  } catch (error) {
    const kept = await shelf.match(request, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

/** A file of another build goes, where the address says which. A full disk only costs the next visit without a network. */
async function keep(shelf, request, response) {
  try {
    await shelf.put(request, response);
    const { pathname, search } = new URL(request.url);
    for (const other of await shelf.keys()) {
      const address = new URL(other.url);
      const older = address.pathname === pathname && address.search !== search;
      if (older && search && address.search) await shelf.delete(other);
    }
  } catch {}
}

/** Files whose names carry what is in them, and that the page no longer names, go. */
async function keepAll(addresses) {
  const shelf = await caches.open(SHELF);
  for (const kept of await shelf.keys()) {
    if (/-[0-9a-f]{15,16}[._]/.test(kept.url) && !addresses.includes(kept.url)) await shelf.delete(kept);
  }
  for (const address of addresses) {
    const request = new Request(address);
    if (isShell(request) && !(await shelf.match(request, { ignoreVary: true }))) await answer(request).catch(() => {});
  }
}
