// What tests need of the browser, and ways to make it fail on purpose.
{
  const { write } = FileSystemSyncAccessHandle.prototype;
  const honest = globalThis.fetch;
  let room = Infinity;
  FileSystemSyncAccessHandle.prototype.write = function (bytes, options) {
    if (bytes.byteLength > room) throw new DOMException("no room", "QuotaExceededError");
    room -= bytes.byteLength;
    return write.call(this, bytes, options);
  };

  let asked = [];
  const soon = () => new Promise((later) => setTimeout(later, 1));

  globalThis.trial = {
    blob: (bytes) => new Blob([bytes]),
    // Slices, since the memory behind what is passed changes.
    collect: (parts, bytes) => { parts.push(bytes.slice()); },
    joined: (parts) => new Blob(parts),
    leaveRoom: (bytes) => { room = bytes; },
    requests: () => asked.splice(0).join(),

    // A server with one file of one version, which breaks off after so many bytes.
    serve: (file, etag, ranges, most) => {
      const bytes = file.slice();
      globalThis.fetch = async (address, options) => {
        if (address !== "/model.gguf") return honest(address, options);
        const { headers, signal } = options;
        asked.push(headers.Range ?? "whole");
        const from = headers.Range && ranges ? Number(headers.Range.slice(6, -1)) : 0;
        const total = bytes.byteLength;
        if (from >= total) {
          return new Response(null, { status: 416, headers: { "Content-Range": `bytes */${total}` } });
        }
        const rest = bytes.subarray(from);
        let sent = 0;
        const body = new ReadableStream({
          async pull(controller) {
            await soon();
            if (signal.aborted) return controller.error(signal.reason);
            if (sent === rest.byteLength) return controller.close();
            if (sent >= most) return controller.error(new TypeError("network error"));
            const part = rest.slice(sent, Math.min(sent + 4096, most));
            sent += part.byteLength;
            controller.enqueue(part);
          },
        });
        const told = { "Content-Length": String(rest.byteLength), ETag: etag };
        if (from) told["Content-Range"] = `bytes ${from}-${total - 1}/${total}`;
        return new Response(body, { status: from ? 206 : 200, headers: told });
      };
    },

    answerWith: (status) => { globalThis.fetch = async () => new Response("no", { status }); },
  };
}
