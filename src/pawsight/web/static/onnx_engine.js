// Runs the model in the browser, in a worker; photos are not sent anywhere.

import { EngineError } from "./engine_error.js";

/** Open the engine: loads the model and what runs it, some megabytes. */
export async function openEngine() {
  const card = await load("card.json");
  const worker = new Worker(new URL("./onnx_worker.js", import.meta.url), { type: "module" });
  const calls = new Map(); // number -> {done, fail}
  let number = 0;
  worker.addEventListener("message", ({ data: { id, answer, kind, words } }) => {
    const { done, fail } = calls.get(id) ?? {};
    calls.delete(id);
    if (kind) fail?.(new EngineError(kind, words));
    else done?.(answer);
  });
  worker.addEventListener("error", () => {
    for (const { fail } of calls.values()) fail(new EngineError("failed", "The model could not be run in this browser."));
    calls.clear();
  });
  const call = (task, signal) =>
    new Promise((done, fail) => {
      const id = (number += 1);
      calls.set(id, { done, fail });
      worker.postMessage({ id, ...task });
      signal?.addEventListener("abort", () => {
        if (!calls.delete(id)) return;
        worker.postMessage({ id, task: "stop" });
        fail(new DOMException("stopped", "AbortError"));
      });
    });
  try {
    await call({ task: "open", card, modelUrl: new URL("model.onnx", document.baseURI).href });
  } catch (error) {
    worker.terminate(); // the next try begins with another
    throw error;
  }
  return {
    card,
    isLocal: true,
    numAtOnce: 2, // one is read while the model runs on another
    predict: async (file, name, signal) => ({ name, error: "", ...(await call({ task: "predict", file }, signal)) }),
    heatMap: (file, label, signal) => call({ task: "heatMap", file, label }, signal),
  };
}

async function load(path) {
  try {
    const response = await fetch(path);
    if (response.ok) return await response.json();
  } catch {
    // Thrown below, as for every other way in which the file may be missing.
  }
  throw new EngineError("unreachable", "The model could not be loaded from where this page is.");
}
