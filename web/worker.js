// Starts the trainer's program in a worker and tells the page how far it is, or why it cannot.
// The page's ?v=<build> goes on to every file, so that a cache never mixes two releases.

const file = (name) => new URL(name + new URL(import.meta.url).search, import.meta.url);
const words = (error) => String(error?.message ?? error);

addEventListener("error", (event) => {
  // Unprevented, it would also reach the page as a script that failed to load.
  event.preventDefault();
  postMessage({ crashed: words(event.error ?? event.message) });
});
addEventListener("unhandledrejection", (event) => postMessage({ crashed: words(event.reason) }));

try {
  const { download } = await import(file("./load.js"));
  const [program, { default: init }] = await Promise.all([
    download(file("./smolder-worker_bg.wasm"), (amount) => postMessage(amount)),
    import(file("./smolder-worker.js")),
  ]);
  await init({ module_or_path: program });
  keepForOffline();
} catch (error) {
  postMessage({ failed: words(error) });
}

// web/sw.js sees what a worker loads only from the second visit on: the first visit's files are put on its shelf here.
// Each is looked for, since the page may have seen some of them, and kept those.
async function keepForOffline() {
  try {
    const shelf = await caches.open("smolder-shell");
    const files = ["./worker.js", "./load.js", "./smolder-worker.js", "./smolder-worker_bg.wasm"].map(file);
    const kept = await Promise.all(files.map((address) => shelf.match(address)));
    await shelf.addAll(files.filter((_, at) => !kept[at]));
  } catch {}
}
