// The user's labels, in formats that `pawsight train` reads.

import { isPhotoName } from "./intake.js";
import { zip } from "./zip.js";

const FIXED_COLUMNS = ["path", "label", "probability", "answer", "error"];
const MOST_NAME_BYTES = 200; // a disk takes 255, and a number and an ending may follow

/**
 * The labelled photos as a folder per class, packed: give it to `pawsight train`.
 * Where the name of a class is not valid for a folder on every system, all photos are in one
 * folder instead, with a table of their labels beside it.
 * @param {{file: File, path: string, truth: string}[]} photos Those with a label.
 * @returns {Promise<Blob>} A zip of class/name, each file byte for byte as it came.
 * @throws {RangeError} More, or larger, than a zip can hold.
 */
export function labelledFolder(photos) {
  const taken = new Set();
  const isPerClass = canBeFolders(new Set(photos.map(({ truth }) => truth)));
  const entries = photos.map(({ file, path, truth }) => ({
    file, truth, name: freeName(isPerClass ? truth : "photos", path, taken),
  }));
  if (!isPerClass) {
    const table = labelTable(entries.map(({ name, truth }) => ({ path: name, truth })));
    entries.push({ file: table, name: "labels.csv" });
  }
  return zip(entries);
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
    answer?.answer ?? "",
    error ?? "",
    ...classNames.map((name) => answer?.probabilities[name] ?? ""),
  ]);
  const classes = classNames.map((name) => 
    FIXED_COLUMNS.includes(name.replace(/^(class )+/, "")) ? `class ${name}` : name,
  );
  return csv([[...FIXED_COLUMNS, ...classes], ...rows]);
}

/** Download a file. */
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

/** Whether folders of these names are distinct on any system, and are read as these classes. */
function canBeFolders(names) {
  const onDisk = new Set([...names].map((name) => name.toLowerCase()));
  return [...names].every((name) => short(plain(name)) === name) && onDisk.size === names.size;
}

/** A name in a folder that no other photo has, on any system. */
function freeName(folder, path, taken) {
  const name = plain(path.split("/").at(-1));
  const dot = name.lastIndexOf(".");
  // A name such as notes.txt is not that of a photo; without an ending its bytes decide.
  const [stem, suffix] = isPhotoName(name) ? [name.slice(0, dot), name.slice(dot)] : [name.replaceAll(".", "_"), ""];
  for (let number = 1; ; number += 1) {
    const full = `${folder}/${short(stem)}${number > 1 ? `-${number}` : ""}${suffix}`;
    const key = full.toLowerCase(); // some systems do not distinguish A from a
    if (taken.has(key)) continue;
    taken.add(key);
    return full;
  }
}

/** As much of a name as any disk takes, whatever its letters. */
const short = (name) =>
  // As a stream: half a letter at the end is left out.
  new TextDecoder().decode(new TextEncoder().encode(name).subarray(0, MOST_NAME_BYTES), { stream: true });

/** Leave out what a file name may not hold somewhere, and a dot that would hide it. */
const plain = (name) =>
  name.replace(/[\u0000-\u001f\u007f\\/:*?"<>|]/g, "_").replace(/^[. ]+|[. ]+$/g, "") || "photo";
