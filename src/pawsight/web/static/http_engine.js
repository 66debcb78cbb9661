// Answers from the server this page came from.

import { Trouble, wasStopped } from "./trouble.js";

const KEY = "pawsight-key"; // in sessionStorage: gone with the tab
const NAME = "photo"; // what every photo is called on its way: the page knows its real name
const LONGEST_WAIT_SECONDS = 60;

/**
 * Open the engine: reads the model's card.
 * @param {() => Promise<string>} askKey Asks a person for the server's key.
 */
export async function openEngine(askKey) {
  const server = new Server(askKey);
  const card = await server.call("model", {});
  return {
    card,
    isLocal: false,
    numAtOnce: 4,
    predict: async (file, name, signal) => {
      const answer = await server.send("predict", file, NAME, signal);
      const row = answer.predictions?.[0];
      if (!row) throw new Trouble("failed", "The server's answer makes no sense.");
      if (row.error) throw new Trouble("photo", row.error);
      return { ...row, name };
    },
    heatMap: (file, label, signal) =>
      server.send(`heatmap?label=${encodeURIComponent(label)}`, file, NAME, signal),
  };
}

class Server {
  constructor(askKey) {
    this.askKey = askKey;
    this.asking = null; // one question at a time, however many requests need the key
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
      const response = await ask(path, { ...options, headers, cache: "no-store" }, file);
      if (response.status !== 401) return read(response);
      // Another request may have asked for it meanwhile.
      if (sessionStorage.getItem(KEY) === key) await this.renewKey();
    }
  }

  async renewKey() {
    this.asking ??= this.askKey().finally(() => (this.asking = null));
    sessionStorage.setItem(KEY, await this.asking);
  }
}

async function ask(path, options, file) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (wasStopped(error)) throw error;
    // The browser says the same of a lost server and of a file that is no longer there.
    await file?.slice(0, 1).arrayBuffer().catch(() => {
      throw new Trouble("photo", "This file cannot be read any more. Was it moved or changed?");
    });
    throw new Trouble("gone", "The server does not answer.");
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
    throw new Trouble("busy", words || "The server is busy.", Math.min(seconds, LONGEST_WAIT_SECONDS));
  }
  if (response.ok || response.status === 502 || response.status === 504) {
    throw new Trouble("gone", "The server does not answer as it should.");
  }
  const kind = response.status < 500 ? "photo" : "failed";
  throw new Trouble(kind, words.split(`${NAME}: `).at(-1) || `The server refused it (${response.status}).`);
}
