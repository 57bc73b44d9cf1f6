// What the page reads of archives before a push, without a browser: page_archive.py gives the files.
//
//   node page_archive.mjs MODULE FILE…     prints a line of JSON for each file
import { openAsBlob, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, ...files] = process.argv.slice(2);
const { readArchive } = await import(pathToFileURL(module));

for (const file of files) {
  const blob = openAsBlob ? await openAsBlob(file) : new Blob([readFileSync(file)]);
  let seen;
  try {
    const { kind, packed, images } = await readArchive(blob);
    seen = { kind, packed, names: images.map((image) => image.names), selectors: images.map((image) => image.selector),
             layers: images.map((image) => image.layers.length), sizes: images.map((image) => image.layers.map((one) => one.size)) };
  } catch (trouble) {
    seen = { trouble: trouble.text ?? String(trouble) };
  }
  console.log(JSON.stringify(seen));
}
