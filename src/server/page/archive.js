// What an archive will become, from its tar headers and its metadata; layers are not read.
//
// readArchive(file) -> { kind: "docker" | "oci" | null, packed, images: [image] }, or throws Trouble.
//   image: { selector, names: ["team/app:1"], layers: [{ entry, digest, diffId, size }] }
// gzip is read through, for a while; of other compressions, and of gzip that takes longer or does not
// come to a good end, only `packed` is known, and there are no images.
// `selector` is how PUT /push?to=IMAGE=NAME calls the image. The server checks all of it again.

const BLOCK = 512;
const WINDOW = 256 * 1024;        // read at once; archives with many small entries need few reads
const METADATA_MAX = 8 * 1024 * 1024;
const ENTRIES_MAX = 200000;
const UNPACK_MS = 15000;          // for looking into a compressed archive
const KEPT_ENTRY_MAX = 1024 * 1024; // of a compressed archive, of which nothing can be read twice
const KEPT_MAX = 32 * 1024 * 1024;
const MANIFESTS_MAX = 2000;

/** A reason in words: `text` is a name in texts.js. */
export class Trouble extends Error {
  constructor(text, words = {}) {
    super(text);
    this.text = text;
    this.words = words;
  }
}

/** Bytes of a file, through a window. */
class Reader {
  constructor(file) {
    this.file = file;
    this.start = 0;
    this.bytes = new Uint8Array(0);
  }

  async at(offset, size) {
    if (offset < this.start || offset + size > this.start + this.bytes.length) {
      const end = Math.min(this.file.size, offset + Math.max(size, WINDOW));
      this.bytes = new Uint8Array(await this.file.slice(offset, end).arrayBuffer());
      this.start = offset;
    }
    return this.bytes.subarray(offset - this.start, offset - this.start + size);
  }
}

/** Bytes of a stream, forwards only; what is passed over is forgotten. */
class StreamReader {
  constructor(stream, until) {
    this.input = stream.getReader();
    this.until = until;
    this.start = 0;
    this.bytes = new Uint8Array(0);
    this.kept = 0;
  }

  async more() {
    if (performance.now() > this.until) throw new Error("this takes too long");
    const { value, done } = await this.input.read();
    return done ? null : value;
  }

  async at(offset, size) {
    while (offset >= this.start + this.bytes.length) {
      this.start += this.bytes.length;
      this.bytes = await this.more() ?? new Uint8Array(0);
      if (this.bytes.length === 0) return this.bytes;
    }
    const pieces = [this.bytes.subarray(offset - this.start)];
    let length = pieces[0].length;
    while (length < size) {
      const next = await this.more();
      if (!next) break;
      pieces.push(next);
      length += next.length;
    }
    if (pieces.length > 1) {
      this.bytes = new Uint8Array(length);
      let at = 0;
      for (const piece of pieces) {
        this.bytes.set(piece, at);
        at += piece.length;
      }
      this.start = offset;
    }
    return this.bytes.subarray(offset - this.start, offset - this.start + size);
  }

  /** A copy of an entry's bytes where it is small enough, and there are not too many. */
  async keep(name, offset, size) {
    const most = name === "manifest.json" || name === "index.json" ? METADATA_MAX : KEPT_ENTRY_MAX;
    if (size > most || this.kept + size > KEPT_MAX) return null;
    this.kept += size;
    return (await this.at(offset, size)).slice();
  }

  stop() {
    this.input.cancel().catch(() => {});
  }
}

const utf8 = new TextDecoder();

function text(bytes, from, size) {
  const field = bytes.subarray(from, from + size);
  const end = field.indexOf(0);
  return utf8.decode(end < 0 ? field : field.subarray(0, end));
}

/** Octal, or base 256 for sizes of 8 GiB and more. */
function number(bytes, from, size) {
  if (bytes[from] & 0x80) {
    let value = 0;
    for (let i = from + 1; i < from + size; ++i) value = value * 256 + bytes[i];
    return value;
  }
  return parseInt(text(bytes, from, size).trim() || "0", 8);
}

function isHeader(bytes) {
  let sum = 0;
  for (let i = 0; i < BLOCK; ++i) sum += i >= 148 && i < 156 ? 32 : bytes[i];
  return sum === number(bytes, 148, 8);
}

/** "27 path=…\n" records -> the last path and size. */
function paxRecords(bytes) {
  const found = {};
  for (let at = 0; at < bytes.length;) {
    const length = parseInt(text(bytes, at, 20), 10);
    if (!(length > 0)) break;
    const record = utf8.decode(bytes.subarray(at, at + length - 1));
    const [, name, value] = /^\d+ ([^=]+)=([^]*)$/.exec(record) || [];
    if (name) found[name] = value;
    at += length;
  }
  return found;
}

const plainName = (name) => name.replace(/^(\.?\/)+/, "");

/** name -> { offset, size, link, data }, the last entry of a name counting. */
async function readEntries(reader, size) {
  const entries = new Map();
  let next = {};
  for (let at = 0, count = 0; at + BLOCK <= size; ++count) {
    const header = await reader.at(at, BLOCK);
    if (header.length < BLOCK && at > 0) throw new Trouble("cut_short");
    if (header.length < BLOCK) throw new Trouble("not_archive");
    if (header.every((byte) => byte === 0)) return entries;
    if (!isHeader(header)) throw new Trouble(at === 0 ? "not_archive" : "cut_short");
    if (count > ENTRIES_MAX) return entries;
    const kind = String.fromCharCode(header[156]);
    const prefix = text(header, 257, 5) === "ustar" && header[262] === 0 ? text(header, 345, 155) : "";
    const name = next.path ?? (prefix ? prefix + "/" : "") + text(header, 0, 100);
    const bytes = next.size ?? number(header, 124, 12);
    const link = next.linkpath ?? text(header, 157, 100);
    const body = at + BLOCK;
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw new Trouble("bad_header");
    at = body + Math.ceil(bytes / BLOCK) * BLOCK;
    if (body + bytes > size) throw new Trouble("cut_short");
    if (kind === "x" && bytes < METADATA_MAX) {
      const records = paxRecords(await reader.at(body, bytes));
      next = { ...next, path: records.path, linkpath: records.linkpath };
      if (records.size) next.size = Number(records.size);
    } else if (kind === "L") {
      next = { ...next, path: text(await reader.at(body, bytes), 0, bytes) };
    } else if (kind === "K") {
      next = { ...next, linkpath: text(await reader.at(body, bytes), 0, bytes) };
    } else if (kind !== "g") {
      const entry = { offset: body, size: bytes, link: kind === "1" || kind === "2" ? link : null, hard: kind === "1" };
      if (reader.keep && entry.link === null) entry.data = await reader.keep(plainName(name), body, bytes);
      entries.set(plainName(name), entry);
      next = {};
    }
  }
  return entries;
}

function follow(entries, name) {
  let entry = entries.get(plainName(name));
  for (let hops = 0; entry && entry.link !== null && hops < 16; ++hops) {
    const folder = name.includes("/") && !entry.hard ? name.slice(0, name.lastIndexOf("/") + 1) : "";
    const parts = [];
    for (const part of (folder + entry.link).split("/")) {
      if (part === "..") parts.pop();
      else if (part && part !== ".") parts.push(part);
    }
    name = parts.join("/");
    entry = entries.get(name);
  }
  return entry;
}

async function readJson(file, entries, name) {
  const entry = follow(entries, name);
  if (!entry) return null;
  if (entry.size > METADATA_MAX || entry.data === null) throw new Trouble("bad_metadata", { file: name });
  try {
    return JSON.parse(entry.data ? utf8.decode(entry.data)
                                 : await file.slice(entry.offset, entry.offset + entry.size).text());
  } catch {
    throw new Trouble("bad_metadata", { file: name });
  }
}

/** "registry.example.com:8443/team/app:1" -> "team/app:1", as the server places it. */
export function withoutHost(name) {
  const slash = name.indexOf("/");
  const first = name.slice(0, slash);
  return slash > 0 && (/[.:]/.test(first) || first === "localhost") ? name.slice(slash + 1) : name;
}

async function dockerImages(file, entries, manifest) {
  const images = [];
  for (const [position, one] of manifest.entries()) {
    const config = await readJson(file, entries, one.Config);
    const diffIds = config?.rootfs?.diff_ids ?? [];
    const tags = one.RepoTags ?? [];
    images.push({
      selector: tags[0] ?? `@${position + 1}`,
      names: tags.map(withoutHost),
      layers: (one.Layers ?? []).map((entry, i) => ({
        entry: plainName(entry), diffId: diffIds[i], digest: digestInName(entry), size: follow(entries, entry)?.size ?? 0,
      })),
    });
  }
  return images;
}

function digestInName(name) {
  const hex = /(?:^|[/:])([0-9a-f]{64})(?:$|[./])/.exec(name);
  return hex ? `sha256:${hex[1]}` : undefined;
}

const blobName = (digest) => `blobs/${digest.replace(":", "/")}`;

/** Layers of a manifest, or of all manifests of an index; each manifest is looked at once. */
async function ociLayers(file, entries, digest, seen = new Set()) {
  if (seen.has(digest) || seen.size >= MANIFESTS_MAX) return [];
  seen.add(digest);
  const manifest = await readJson(file, entries, blobName(digest));
  if (!manifest) return [];
  if (manifest.layers)
    return manifest.layers.map((layer) => ({ entry: blobName(layer.digest), digest: layer.digest, size: layer.size }));
  const layers = [];
  for (const child of manifest.manifests ?? []) layers.push(...await ociLayers(file, entries, child.digest, seen));
  return layers;
}

/** Platforms share layers. */
function onlyOnce(layers) {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
}

async function ociImages(file, entries, index) {
  const byDigest = new Map();
  for (const one of index.manifests ?? []) {
    const notes = one.annotations ?? {};
    const name = notes["io.containerd.image.name"] ?? notes["org.opencontainers.image.ref.name"];
    const known = byDigest.get(one.digest) ?? { names: [], full: [] };
    byDigest.set(one.digest, known);
    // A bare tag is no name: it waits for the user's.
    if (name && (name.includes("/") || name.includes(":"))) known.full.push(name);
    else if (name) known.tag = name;
  }
  const images = [];
  for (const [digest, { full, tag }] of byDigest)
    images.push({
      selector: full[0] ?? `@${images.length + 1}`,
      names: full.map(withoutHost),
      bareTag: tag,
      layers: onlyOnce(await ociLayers(file, entries, digest)),
    });
  return images;
}

const GZIP = [0x1f, 0x8b];
const PACKED = [GZIP, [0x28, 0xb5, 0x2f, 0xfd], [0xfd, 0x37, 0x7a, 0x58, 0x5a], [0x42, 0x5a, 0x68]];
const startsWith = (bytes, magic) => magic.every((byte, i) => bytes[i] === byte);
const isPacked = (bytes) => PACKED.some((magic) => startsWith(bytes, magic));

async function readImages(file, entries) {
  const manifest = await readJson(file, entries, "manifest.json");
  const index = await readJson(file, entries, "index.json");
  const docker = Array.isArray(manifest);
  if (!docker && !index?.manifests) throw new Trouble("no_images");
  let images;
  try {
    images = docker ? await dockerImages(file, entries, manifest) : await ociImages(file, entries, index);
  } catch (problem) {
    // What should be a text or a list is something else.
    throw problem instanceof Trouble ? problem : new Trouble("bad_metadata", { file: docker ? "manifest.json" : "index.json" });
  }
  if (images.length === 0) throw new Trouble("no_images");
  return { kind: docker ? "docker" : "oci", images };
}

/** What can be learned of a gzip stream in a moment; the server decides whether it is good. */
async function readPacked(file) {
  const nothing = { kind: null, packed: true, images: [] };
  const head = new Uint8Array(await file.slice(0, 6).arrayBuffer());
  if (!startsWith(head, GZIP) || typeof DecompressionStream === "undefined") return nothing;
  const reader = new StreamReader(file.stream().pipeThrough(new DecompressionStream("gzip")), performance.now() + UNPACK_MS);
  try {
    return { ...await readImages(file, await readEntries(reader, Infinity)), packed: true };
  } catch {
    return nothing;
  } finally {
    reader.stop();
  }
}

export async function readArchive(file) {
  if (file.size === 0) throw new Trouble("empty_file");
  const reader = new Reader(file);
  if (isPacked(await reader.at(0, 6))) return readPacked(file);
  if (file.size < BLOCK) throw new Trouble("not_archive");
  return { ...await readImages(file, await readEntries(reader, file.size)), packed: false };
}
