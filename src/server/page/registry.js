// What is in the embedded registry: repositories, tags, platforms, sizes; and deleting tags.

import { announce, byId, copyButton, make } from "./dom.js";
import { ask as askServer } from "./session.js";
import { humanBytes, t } from "./texts.js";

const PAGE = 50;         // repositories shown at a time
const OPEN_AT_ONCE = 10; // fewer than these show their tags without being asked
const TAGS_MAX = 200;
const PLATFORMS_MAX = 30;
const LAYERS_SHOWN_MAX = 200;
const CONFIG_MAX = 8 * 1024 * 1024; // bytes; a config is read for its platform
const ACCEPT = [
  "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

async function ask(path, options = {}) {
  const answer = await askServer(path, options);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer;
}

const platformName = (one) => [one.os, one.architecture, one.variant].filter(Boolean).join("/");
const isReal = (child) => child.platform && child.platform.os !== "unknown";

/** What an image manifest says: { digest, platform, layers: [{ digest, size }], size }. */
async function describeImage(repository, digest, manifest, platform) {
  const layers = (manifest.layers ?? []).map(({ digest, size }) => ({ digest, size }));
  const found = { digest, platform, layers, size: (manifest.config?.size ?? 0) + layers.reduce((sum, one) => sum + one.size, 0) };
  if (!platform && /image\.(config\.)?v1\+json$/.test(manifest.config?.mediaType ?? "") && manifest.config.size <= CONFIG_MAX) {
    const config = await (await ask(`/v2/${repository}/blobs/${manifest.config.digest}`)).json();
    if (config.os) found.platform = platformName(config);
  }
  return found;
}

async function readManifest(repository, name) {
  const answer = await ask(`/v2/${repository}/manifests/${name}`, { headers: { Accept: ACCEPT } });
  return { digest: answer.headers.get("Docker-Content-Digest"), manifest: await answer.json() };
}

/** { digest, size, images, more } of a tag: an image for each platform, a layer that they share counted
    once. `more`: so many platforms that not all were looked at. */
async function describe(repository, name) {
  const { digest, manifest } = await readManifest(repository, name);
  const found = { digest, images: [], more: false };
  if (!manifest.manifests) {
    found.images.push(await describeImage(repository, digest, manifest));
  } else {
    // Attestations and the like have no platform; they are no images that anybody pulls.
    const children = manifest.manifests.filter(isReal);
    found.more = children.length > PLATFORMS_MAX;
    for (const child of children.slice(0, PLATFORMS_MAX)) {
      try {
        const { manifest: own } = await readManifest(repository, child.digest);
        found.images.push(await describeImage(repository, child.digest, own, platformName(child.platform)));
      } catch {
        // An index may name platforms that were not pushed.
      }
    }
  }
  const layers = new Map(found.images.flatMap((image) => image.layers.map((one) => [one.digest, one.size])));
  const configs = found.images.reduce((sum, image) => sum + image.size - image.layers.reduce((all, one) => all + one.size, 0), 0);
  found.size = configs + [...layers.values()].reduce((sum, size) => sum + size, 0);
  return found;
}

/** Asks in a dialog; true where the answer is yes. */
function confirmDelete(name) {
  const dialog = byId("confirm");
  byId("confirm-text").textContent = t("delete_question", { name });
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function deleteTag(repository, tag, row, reload) {
  const name = `${repository}:${tag}`;
  if (!await confirmDelete(name)) return;
  const note = byId("registry-note");
  try {
    await ask(`/v2/${repository}/manifests/${tag}`, { method: "DELETE" });
    row.nextElementSibling.remove();
    row.remove();
    announce(t("deleted", { name }));
    await reload();
    byId("refresh").focus();
  } catch {
    note.textContent = t("delete_failed", { name });
  }
}

/** The layers of each platform, below the row of a tag. */
function layersOf(found) {
  return found.images.map((image) => make("section", { class: "image-layers" },
    make("h4", {}, image.platform || t("unknown"), " ", make("span", { class: "quiet" },
      t("layers", { count: image.layers.length, size: humanBytes(image.size) }))),
    make("p", { class: "mono quiet digest" }, image.digest),
    make("ol", { class: "layer-list" }, ...image.layers.slice(0, LAYERS_SHOWN_MAX).map((layer) => make("li", {},
      make("span", { class: "mono", title: layer.digest }, layer.digest.slice(0, 19)), make("span", { class: "size" }, humanBytes(layer.size)))))));
}

let rows = 0;

/** The row of a tag, and the one of its layers, which is hidden. */
function tagRows(repository, tag, reload) {
  const short = `${repository}:${tag}`, name = `${location.host}/${short}`, id = `layers-${++rows}`;
  const cell = (label, ...content) => make("td", { "data-label": label }, ...content);
  const platforms = cell(t("platforms"), t("loading")), size = cell(t("size")), digest = cell(t("digest"));
  digest.classList.add("mono");
  const layers = make("button", { type: "button", class: "small", "aria-expanded": "false", "aria-controls": id, disabled: true,
                                  "aria-label": t("layers_of", { name: short }) }, t("layers_short"));
  const details = make("tr", { id, class: "layers-row", hidden: true });
  layers.addEventListener("click", () => {
    details.hidden = !details.hidden;
    layers.setAttribute("aria-expanded", String(!details.hidden));
  });
  const row = make("tr", {}, cell(t("tag"), make("strong", {}, tag)), platforms, size, digest,
    make("td", { class: "buttons" }, layers,
      copyButton(`docker pull ${name}`, t("pull"), t("pull_of", { name }), t("copied")),
      make("button", { type: "button", class: "small danger", "aria-label": t("delete_of", { name: short }),
                       click: () => deleteTag(repository, tag, row, reload) }, t("delete"))));
  describe(repository, tag).then((found) => {
    const names = [...new Set(found.images.map((image) => image.platform).filter(Boolean))];
    platforms.textContent = (names.join(", ") || t("unknown")) + (found.more ? ", …" : "");
    size.textContent = humanBytes(found.size);
    if (found.images.length > 1) size.title = t("all_platforms_note", { count: found.images.length });
    digest.textContent = found.digest?.slice(0, 19) ?? "";
    digest.title = found.digest ?? "";
    details.append(make("td", { colspan: "5" }, ...layersOf(found)));
    layers.disabled = false;
  }).catch(() => { platforms.textContent = t("unknown"); });
  return [row, details];
}

async function showTags(repository, into, reload) {
  const { tags } = await (await ask(`/v2/${repository}/tags/list?n=${TAGS_MAX}`)).json();
  into.replaceChildren(make("table", {},
    make("thead", {}, make("tr", {}, ...["tag", "platforms", "size", "digest"].map((one) => make("th", { scope: "col" }, t(one))),
      make("th", { scope: "col" }, make("span", { class: "visually-hidden" }, t("actions"))))),
    make("tbody", {}, ...tags.flatMap((tag) => tagRows(repository, tag, reload)))));
}

function repositoryBlock(repository, open, reload) {
  const tags = make("div", {}, t("loading"));
  const block = make("details", { class: "repository" }, make("summary", {}, make("strong", {}, repository)), tags);
  block.addEventListener("toggle", () => {
    if (block.open) showTags(repository, tags, reload).catch(() => { tags.textContent = t("cannot_list"); });
  });
  block.open = open;
  return block;
}

/** Loads the first repositories anew, or those after `last`. */
export async function showRegistry(last = "") {
  byId("registry").hidden = false;
  const note = byId("registry-note"), list = byId("repositories"), more = byId("more");
  const opened = new Set([...list.querySelectorAll("details[open] > summary")].map((one) => one.textContent));
  note.textContent = t("loading");
  try {
    const { repositories } = await (await ask(`/v2/_catalog?n=${PAGE}&last=${encodeURIComponent(last)}`)).json();
    const few = repositories.length < OPEN_AT_ONCE && last === "";
    const blocks = repositories.map((one) => repositoryBlock(one, few || opened.has(one), showRegistry));
    if (last === "") list.replaceChildren(...blocks);
    else list.append(...blocks);
    note.textContent = repositories.length === 0 && last === "" ? t("nothing_here") : "";
    more.hidden = repositories.length < PAGE;
    more.onclick = () => showRegistry(repositories.at(-1));
  } catch {
    note.textContent = t("cannot_list");
  }
}
