// Answers from the server this page came from.

import { EngineError, wasStopped } from "./engine_error.js";

const KEY = "pawsight-key"; // in sessionStorage: deleted with the tab
const NAME = "photo"; // every photo is sent under this name: the page keeps its real one
const LONGEST_WAIT_SECONDS = 60;

/**
 * Open the engine: reads the model's card.
 * @param {() => Promise<string>} promptKey Prompts for the server's key.
 */
export async function openEngine(promptKey) {
  const server = new Server(promptKey);
  const card = await server.call("model", {});
  return {
    card,
    isLocal: false,
    numAtOnce: 4,
    predict: async (file, name, signal) => {
      const answer = await server.send("predict", file, NAME, signal);
      const row = answer.predictions?.[0];
      if (!row) throw new EngineError("failed", "The server's response is invalid.");
      if (row.error) throw new EngineError("photo", row.error);
      return { ...row, name };
    },
    heatMap: (file, label, signal) =>
      server.send(`heatmap?label=${encodeURIComponent(label)}`, file, NAME, signal),
  };
}

class Server {
  constructor(promptKey) {
    this.promptKey = promptKey;
    this.prompt = null; // one dialog at a time, however many requests need the key
  }

  async send(path, file, name, signal) {
    const body = new FormData();
    body.append("photos", file, name);
    return this.call(path, { method: "POST", body, signal }, file);
  }

  async call(path, options, file = null) {
    for (;;) {
      const key = sessionStorage.getItem(KEY);
      const headers = key ? { "X-API-Key": key } : {};
      const response = await request(path, { ...options, headers, cache: "no-store" }, file);
      if (response.status !== 401) return read(response);
      // Another request may have prompted for it meanwhile.
      if (sessionStorage.getItem(KEY) === key) await this.renewKey();
    }
  }

  async renewKey() {
    this.prompt ??= this.promptKey().finally(() => (this.prompt = null));
    sessionStorage.setItem(KEY, await this.prompt);
  }
}

async function request(path, options, file) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (wasStopped(error)) throw error;
    // The browser raises the same error for a lost server and for a file that is no longer there.
    await file?.slice(0, 1).arrayBuffer().catch(() => {
      throw new EngineError("photo", "This file cannot be read any more. Was it moved or changed?");
    });
    throw new EngineError("unreachable", "The server does not answer.");
  }
}

async function read(response) {
  let found = null;
  try {
    found = await response.json();
  } catch (error) {
    if (wasStopped(error)) throw error;
  }
  const words = typeof found?.detail === "string" ? found.detail : "";
  if (response.ok && found) return found;
  if (response.status === 503 || response.status === 429) {
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    throw new EngineError("busy", words || "The server is busy.", Math.min(seconds, LONGEST_WAIT_SECONDS));
  }
  if (response.ok || response.status === 502 || response.status === 504) {
    throw new EngineError("unreachable", "The server does not answer as it should.");
  }
  const kind = response.status < 500 ? "photo" : "failed";
  throw new EngineError(kind, words.split(`${NAME}: `).at(-1) || `The server refused it (${response.status}).`);
}
