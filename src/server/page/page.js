// The page of tarpon serve: takes archives, pushes two at a time, shows the registry.

import { Card } from "./card.js";
import { byId, make } from "./dom.js";
import { showRegistry } from "./registry.js";
import { ask, listenForLogin, loginNeeded, showLogin, startSession, user } from "./session.js";
import { humanBytes, t, translatePage } from "./texts.js";

const PUSHES_AT_ONCE = 2; // a browser opens six connections to a server; each push takes two

const cards = [];
const waiting = [];
let server = { registry: null, upload_bytes_max: 0 };

const sending = () => cards.filter((card) => card.state === "sending");

function startNext() {
  while (waiting.length > 0 && sending().length < PUSHES_AT_ONCE) {
    const card = waiting.shift();
    if (card.state !== "waiting") continue;
    card.push().then(() => {
      if (!server.registry && !loginNeeded() && card.state !== "ready") showRegistry();
    }).finally(startNext);
  }
}

function enqueue(card) {
  waiting.push(card);
  card.status.textContent = t("waiting");
  card.set("waiting");
  startNext();
}

function onChange(card, what) {
  if (what === "push") enqueue(card);
  if (what === "removed") {
    cards.splice(cards.indexOf(card), 1);
    byId("files").focus();
  }
  byId("all").hidden = cards.filter((one) => one.state === "ready").length < 2;
}

function take(files) {
  const added = [...files].map((file) => {
    const card = new Card(file, server, (what) => onChange(card, what));
    cards.push(card);
    byId("queue").append(card.element);
    card.read();
    return card;
  });
  added[0]?.element.focus();
}

function listenForFiles() {
  const drop = byId("drop"), input = byId("files");
  input.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
  // Anywhere on the page: a file that misses the field must not replace the page.
  for (const name of ["dragenter", "dragover"])
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  for (const name of ["dragleave", "drop"])
    document.addEventListener(name, (event) => {
      event.preventDefault();
      if (name === "drop" || event.relatedTarget === null) drop.classList.remove("over");
    });
  document.addEventListener("drop", (event) => take(event.dataTransfer.files));
}

const shellWord = (text) => /^[\w@.+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

function showServer() {
  byId("target").textContent = server.registry ? t("to_registry", { registry: server.registry }) : t("to_embedded");
  if (server.upload_bytes_max)
    byId("limits").textContent = t("limit", { size: humanBytes(server.upload_bytes_max) });
  const origin = location.origin, name = user();
  const curl = name === null ? "curl" : `curl -u ${shellWord(name)}`;
  const lines = [`${curl} -T app.tar "${origin}/push?to=team/app:1.0"`,
                 `docker save app:1.0 | ${curl} -T - "${origin}/push?to=team/app:1.0"`];
  if (!server.registry) {
    if (name !== null) lines.push(`tarpon login ${location.host} --username ${shellWord(name)}`);
    lines.push(`tarpon push app.tar --registry ${location.host}`);
  }
  byId("commands").replaceChildren(make("code", {}, lines.join("\n")));
}

async function start() {
  translatePage();
  listenForFiles();
  byId("push-all").addEventListener("click", () => cards.filter((card) => card.state === "ready").forEach(enqueue));
  byId("refresh").addEventListener("click", () => showRegistry());
  window.addEventListener("beforeunload", (event) => {
    if (sending().length > 0) event.preventDefault();
  });
  listenForLogin(enter);
  await startSession((message) => showLogin(true, message));
  if (loginNeeded()) showLogin(true);
  else await enter();
}

/** Whoever is here may see what the server has. */
async function enter() {
  showLogin(false);
  try {
    const info = await ask("/info");
    if (!info.ok) return;
    Object.assign(server, await info.json());
  } catch {
    byId("target").textContent = t("no_server");
    return;
  }
  showServer();
  if (!server.registry) await showRegistry();
}

start();
