// What a person knows better, in forms that `pawsight train` reads.

import { zip } from "./zip.js";

/**
 * The labelled photos as a folder per class, packed: give it to `pawsight train`.
 * @param {{file: File, path: string, truth: string}[]} photos Those with a label.
 * @returns {Promise<Blob>} A zip of class/name, each file byte for byte as it came.
 * @throws {RangeError} More, or larger, than a zip can hold.
 */
export function labelledFolder(photos) {
  const taken = new Set();
  return zip(photos.map(({ file, path, truth }) => ({ file, name: freeName(truth, path, taken) })));
}

/** The labelled photos as a table with the columns path and label. */
export function labelTable(photos) {
  return csv([["path", "label"], ...photos.map(({ path, truth }) => [path, truth])]);
}

/**
 * Every answer, in the columns of `pawsight predict --format csv`.
 * @param {object[]} photos Those that were answered or failed.
 * @param {string[]} classNames The model's classes.
 */
export function answerTable(photos, classNames) {
  const rows = photos.map(({ path, answer, error }) => [
    path,
    answer?.label ?? "",
    answer?.probability ?? "",
    error ?? "",
    ...classNames.map((name) => answer?.probabilities[name] ?? ""),
  ]);
  return csv([["path", "label", "probability", "error", ...classNames], ...rows]);
}

/** Hand a file to the person. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // by then the browser has it
}

function csv(rows) {
  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
  const text = rows.map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
  return new Blob([text], { type: "text/csv;charset=utf-8" });
}

/** A name in the class's folder that no other photo has, on any system. */
function freeName(truth, path, taken) {
  const folder = plain(truth);
  const name = plain(path.split("/").at(-1));
  const dot = name.lastIndexOf(".");
  const [stem, suffix] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let number = 1; ; number += 1) {
    const full = `${folder}/${stem}${number > 1 ? `-${number}` : ""}${suffix}`;
    const key = full.toLowerCase(); // some systems do not tell A from a
    if (taken.has(key)) continue;
    taken.add(key);
    return full;
  }
}

/** Leave out what a file name may not hold somewhere, and a dot that would hide it. */
const plain = (name) =>
  name.replace(/[\u0000-\u001f\u007f\\/:*?"<>|]/g, "_").replace(/^[. ]+|[. ]+$/g, "") || "photo";
