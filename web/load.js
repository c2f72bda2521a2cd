// Shared by the page's and the worker's start-up: a download that says how far it is.

/** Fetches `address`; calls `told({ loaded, total })`, `total` being undefined where the server does not say. */
export async function download(address, told) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`);
  const { headers } = response;
  // With a compressed transfer the length is that of the compressed bytes, and these are counted unpacked.
  const total = headers.get("Content-Encoding") ? undefined : Number(headers.get("Content-Length")) || undefined;
  let loaded = 0;
  const counter = new TransformStream({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      told({ loaded, total });
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(counter), { headers: { "Content-Type": "application/wasm" } });
}
