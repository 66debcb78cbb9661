// A .zip file of files as they are, without compression: photos are compressed already.
// The file's parts are the photos themselves, so a zip of a thousand takes no memory of its own.
// Source: APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.

const LARGEST = 0xffffffff; // what a zip without the 64-bit extension can hold, in bytes
const MOST = 0xffff; // files
const UTF8_NAMES = 0x0800;

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

/**
 * Pack files.
 * @param {{name: string, file: Blob}[]} entries Names with "/" between folders; all different.
 * @returns {Promise<Blob>} The zip.
 * @throws {RangeError} More, or larger, than such a zip can hold.
 */
export async function zip(entries) {
  if (entries.length > MOST) throw new RangeError(`A zip holds up to ${MOST} photos, not ${entries.length}.`);
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, file } of entries) {
    const path = new TextEncoder().encode(name);
    const facts = { crc: await crcOf(file), size: file.size, path, offset };
    parts.push(header(0x04034b50, facts), path, file);
    directory.push(header(0x02014b50, facts), path);
    offset += 30 + path.length + file.size;
    if (offset > LARGEST) throw new RangeError("These photos are more than 4 GB. Save them in two goes.");
  }
  const directorySize = directory.reduce((sum, part) => sum + part.length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, entries.length, true);
  end.setUint16(10, entries.length, true);
  end.setUint32(12, directorySize, true);
  end.setUint32(16, offset, true);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** The header before a file, or the longer one in the directory: they share most fields. */
function header(signature, { crc, size, path, offset }) {
  const isDirectory = signature === 0x02014b50;
  const bytes = new Uint8Array(isDirectory ? 46 : 30);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  if (isDirectory) view.setUint16(4, 20, true); // made by version 2.0
  const at = isDirectory ? 6 : 4;
  view.setUint16(at, 20, true); // needs version 2.0
  view.setUint16(at + 2, UTF8_NAMES, true);
  view.setUint16(at + 8, 0x0021, true); // 1 January 1980: the earliest day there is
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, path.length, true);
  if (isDirectory) view.setUint32(42, offset, true);
  return bytes;
}

async function crcOf(file) {
  let crc = 0xffffffff;
  const reader = file.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return (crc ^ 0xffffffff) >>> 0;
    for (const byte of value) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  }
}
