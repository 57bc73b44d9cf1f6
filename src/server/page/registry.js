// What is in the embedded registry: repositories, tags, platforms, sizes; and deleting tags.

import { announce, byId, copyButton, make } from "./dom.js";
import { ask as askServer } from "./session.js";
import { humanBytes, t } from "./texts.js";

const PAGE = 50;         // repositories shown at a time
const OPEN_AT_ONCE = 10; // fewer than these show their tags without being asked
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

/** { digest, size, platforms } of a tag; sizes are of what a pull of all platforms takes. */
async function describe(repository, name) {
  const answer = await ask(`/v2/${repository}/manifests/${name}`, { headers: { Accept: ACCEPT } });
  const manifest = await answer.json();
  const found = { digest: answer.headers.get("Docker-Content-Digest"), size: 0, platforms: [] };
  if (manifest.manifests) {
    for (const child of manifest.manifests) {
      if (isReal(child)) found.platforms.push(platformName(child.platform));
      found.size += child.size;
      try {
        found.size += (await describe(repository, child.digest)).size;
      } catch {
        // An index may name platforms that were not pushed.
      }
    }
    return found;
  }
  found.size = (manifest.config?.size ?? 0) + (manifest.layers ?? []).reduce((sum, layer) => sum + layer.size, 0);
  if (/image\.(config\.)?v1\+json$/.test(manifest.config?.mediaType ?? "")) {
    const config = await (await ask(`/v2/${repository}/blobs/${manifest.config.digest}`)).json();
    if (config.os) found.platforms.push(platformName(config));
  }
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
    row.remove();
    announce(t("deleted", { name }));
    await reload();
    byId("refresh").focus();
  } catch {
    note.textContent = t("delete_failed", { name });
  }
}

function tagRow(repository, tag, reload) {
  const name = `${location.host}/${repository}:${tag}`;
  const cell = (label, ...content) => make("td", { "data-label": label }, ...content);
  const platforms = cell(t("platforms"), t("loading")), size = cell(t("size")), digest = cell(t("digest"));
  digest.classList.add("mono");
  const row = make("tr", {}, cell(t("tag"), make("strong", {}, tag)), platforms, size, digest,
    make("td", { class: "buttons" },
      copyButton(`docker pull ${name}`, t("pull"), t("pull_of", { name }), t("copied")),
      make("button", { type: "button", class: "small danger", "aria-label": t("delete_of", { name: `${repository}:${tag}` }),
                       click: () => deleteTag(repository, tag, row, reload) }, t("delete"))));
  describe(repository, tag).then((found) => {
    platforms.textContent = [...new Set(found.platforms)].join(", ") || t("unknown");
    size.textContent = humanBytes(found.size);
    digest.textContent = found.digest?.slice(0, 19) ?? "";
    digest.title = found.digest ?? "";
  }).catch(() => { platforms.textContent = t("unknown"); });
  return row;
}

async function showTags(repository, into, reload) {
  const { tags } = await (await ask(`/v2/${repository}/tags/list`)).json();
  into.replaceChildren(make("table", {},
    make("thead", {}, make("tr", {}, ...["tag", "platforms", "size", "digest"].map((one) => make("th", { scope: "col" }, t(one))),
      make("th", {}, make("span", { class: "visually-hidden" }, t("delete"))))),
    make("tbody", {}, ...tags.map((tag) => tagRow(repository, tag, reload)))));
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
