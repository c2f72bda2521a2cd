// Loads the page's program and starts it. Everything that can go wrong before the program runs is said here,
// in plain DOM: no framework has come yet.

import { download } from "./load.js";

const WORDS = {
  en: {
    loading: "Loading the page’s program",
    noWasm: "This browser has WebAssembly switched off or does not know it. Smolder runs in it: switch it on, or open this page in a current Chrome, Edge, Firefox or Safari.",
    notLoaded: "The page’s program could not be loaded. Check the connection to this page’s server and any blocker of scripts, then reload.",
    crashed: "The page’s program stopped on an error of its own. Your data is untouched. Reload the page to go on.",
    reload: "Reload the page",
  },
  zh: {
    loading: "正在载入页面程序",
    noWasm: "这个浏览器不支持 WebAssembly，或者已将其关闭。Smolder 需要它：请打开它，或用新版 Chrome、Edge、Firefox 或 Safari 打开本页。",
    notLoaded: "无法载入页面程序。请检查与本页服务器的连接以及拦截脚本的扩展，然后重新载入。",
    crashed: "页面程序自身出错，已停止。你的数据没有受影响。重新载入页面即可继续。",
    reload: "重新载入页面",
  },
};

// The program keeps its choices as JSON text; storage may be forbidden.
function saved(key) {
  try {
    return JSON.parse(localStorage.getItem(`smolder.${key}`));
  } catch {
    return null;
  }
}

const root = document.documentElement;
const tags = [saved("language"), ...navigator.languages].filter((tag) => /^(en|zh)\b/i.test(tag ?? ""));
const words = /^zh/i.test(tags[0] ?? "") ? WORDS.zh : WORDS.en;
root.lang = words === WORDS.zh ? "zh-Hans" : "en";
root.dataset.theme = saved("theme") ?? "auto";

const boot = document.getElementById("boot");
const status = document.getElementById("boot-status");
const bar = document.getElementById("boot-bar");

function fail(sentence, error) {
  const text = Object.assign(document.createElement("p"), { textContent: sentence });
  const detail = Object.assign(document.createElement("p"), { className: "quote", textContent: String(error ?? "") });
  const button = Object.assign(document.createElement("button"), { className: "primary", textContent: words.reload });
  button.addEventListener("click", () => location.reload());
  boot.className = "boot failed";
  boot.setAttribute("role", "alert");
  boot.replaceChildren(text, ...(error ? [detail] : []), button);
  document.body.prepend(boot);
}

function show({ loaded, total }) {
  const mebibytes = (loaded / 2 ** 20).toFixed(1);
  status.textContent = `${words.loading}: ${mebibytes} MiB`;
  if (total) bar.value = loaded / total;
}

// A program that panics leaves a page that no longer answers: say so.
function watch() {
  const crashed = (error) => error instanceof WebAssembly.RuntimeError && fail(words.crashed, error.message);
  addEventListener("error", (event) => crashed(event.error));
  addEventListener("unhandledrejection", (event) => crashed(event.reason));
}

// From the second visit on, the page opens without a network. A browser that keeps nothing loads it each time.
async function keepForOffline() {
  try {
    await navigator.serviceWorker.register("./sw.js");
    const { active } = await navigator.serviceWorker.ready;
    const files = performance.getEntriesByType("resource").map(({ name }) => name);
    const loaded = files.filter((name) => name.startsWith("http"));
    active.postMessage({ keep: [new URL("./", location.href).href, ...loaded] });
  } catch {}
}

async function start() {
  status.textContent = words.loading;
  if (typeof WebAssembly !== "object") return fail(words.noWasm);
  try {
    const { js, wasm } = document.querySelector('meta[name="smolder-app"]').dataset;
    const [program, { default: init }] = await Promise.all([download(`./${wasm}`, show), import(`./${js}`)]);
    await init({ module_or_path: program });
    boot.remove();
    watch();
    keepForOffline();
  } catch (error) {
    fail(words.notLoaded, error?.message ?? error);
  }
}

await start();
