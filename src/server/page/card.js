// One archive on the page: what it holds, where its images go, and how its push fares.

import { readArchive, Trouble } from "./archive.js";
import { announce, copyButton, make } from "./dom.js";
import { errorText, humanBytes, t } from "./texts.js";
import { upload } from "./upload.js";

const NAME = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?$/;
const QUERY_MAX = 6000; // bytes; the server takes 8 KiB of target
const LAYERS_SHOWN_MAX = 200;

const withoutTag = (name) => name.replace(/:[^:/]*$/, "");
const isName = (name) => NAME.test(name) && withoutTag(name).length <= 255
  && (!/[.:]/.test(name.split("/")[0]) || !name.includes("/"));

/** A row for a layer; several images may show the same one. */
class LayerRow {
  constructor(layer, image) {
    Object.assign(this, layer, { image });
    this.bar = make("progress", { max: 1, value: 0, "aria-label": layer.digest ?? layer.diffId ?? layer.entry });
    this.state = make("span", { class: "state" }, t("layer_state_waiting"));
    const label = layer.diffId ?? layer.digest ?? layer.entry;
    this.element = make("li", {}, make("span", { class: "mono", title: layer.entry }, label.slice(0, 19)),
      make("span", { class: "size" }, humanBytes(layer.size)), this.bar, this.state);
  }

  isIn(blob) {
    return blob.digest === this.digest || blob.digest === this.diffId
      || (blob.diff_id && (blob.diff_id === this.diffId || blob.diff_id === this.digest));
  }

  show(state, share, words = {}) {
    this.state.textContent = t(`layer_state_${state}`, words);
    this.bar.value = share;
  }

  moving(active) {
    if (this.settled) return;
    const share = active.total ? Math.min(active.done / active.total, 1) : 0;
    if (active.state === "checking") this.show("checking", 0);
    else if (active.state === "exists") this.show("exists", share);
    // The registry has it only when its blob event comes.
    else this.show("sending", Math.min(share, 0.99), { percent: Math.floor(Math.min(share, 0.99) * 100) });
  }

  settle(status) {
    // A layer that was uploaded is mounted into further repositories; that it was sent stays.
    if (this.settled) return;
    this.settled = true;
    this.show(status, 1);
    this.state.classList.add("is-done");
  }

  reset() {
    this.settled = false;
    this.state.classList.remove("is-done");
    this.show("waiting", 0);
  }
}

export class Card {
  /** `server` is what /info said; `changed()` is called when the card's state changes. */
  constructor(file, server, changed) {
    this.file = file;
    this.server = server;
    this.changed = changed;
    this.state = "reading";
    this.images = [];
    this.rows = [];
    this.problem = make("div", { class: "problem", role: "alert" });
    this.contents = make("div");
    this.bar = make("progress", { max: 100, value: 0, "aria-label": file.name });
    this.status = make("p", { class: "quiet" });
    this.results = make("ul", { class: "results" });
    this.buttons = make("p", { class: "actions" });
    this.kind = make("span", { class: "badge", hidden: true });
    this.element = make("li", { class: "card", tabindex: "-1" },
      make("div", { class: "card-head" }, make("h3", {}, file.name),
        make("span", { class: "quiet" }, humanBytes(file.size)), this.kind),
      this.contents, this.bar, this.status, this.problem, this.results, this.buttons);
    this.bar.hidden = true;
  }

  set(state) {
    this.state = state;
    this.element.dataset.state = state;
    const button = (text, act, style) => make("button", { type: "button", class: style, click: act }, t(text));
    const buttons = {
      ready: [button("push", () => this.changed("push"), "primary"), button("remove", () => this.remove())],
      broken: [button("remove", () => this.remove())],
      waiting: [button("cancel", () => this.cancel())],
      sending: [button("cancel", () => this.cancel())],
      failed: [button("again", () => this.changed("push"), "primary"), button("remove", () => this.remove())],
      cancelled: [button("again", () => this.changed("push"), "primary"), button("remove", () => this.remove())],
      done: [button("remove", () => this.remove())],
    }[state] ?? [];
    const focused = this.buttons.contains(document.activeElement);
    this.buttons.replaceChildren(...buttons);
    if (focused) (buttons[0] ?? this.element).focus();
    this.bar.hidden = state !== "sending" && state !== "waiting";
    for (const input of this.contents.querySelectorAll("input, fieldset button"))
      input.disabled = state === "waiting" || state === "sending" || state === "done";
    this.changed("state");
  }

  remove() {
    this.removed = true;
    this.element.remove();
    this.changed("removed");
  }

  fail(message, details = []) {
    this.problem.replaceChildren(make("strong", {}, message), ...details.map((one) => make("span", { class: "cause" }, one)));
  }

  async read() {
    this.status.textContent = t("reading");
    try {
      const most = this.server.upload_bytes_max;
      if (most && this.file.size > most) throw new Trouble("too_large", { size: humanBytes(most) });
      this.archive = await readArchive(this.file);
      this.status.textContent = "";
      this.kind.hidden = false;
      this.kind.textContent = this.archive.kind ? t(`kind_${this.archive.kind}`) + (this.archive.packed ? t("kind_and_packed") : "")
                                                : t("kind_packed");
      this.showContents();
      this.set("ready");
    } catch (trouble) {
      this.status.textContent = "";
      this.fail(trouble instanceof Trouble ? t(trouble.text, trouble.words) : String(trouble.message ?? trouble));
      this.set("broken");
    }
  }

  showContents() {
    if (!this.archive.kind) {
      const image = { selector: null, names: [""], layers: [], original: "" };
      this.images.push(image);
      this.contents.append(make("fieldset", {}, make("legend", {}, t("name_packed")), this.nameRows(image, t("name_packed"))));
      return;
    }
    for (const [position, image] of this.archive.images.entries()) {
      const words = { number: position + 1 };
      const label = image.names[0] ?? t(image.bareTag ? "image_number" : "image_no_name", words);
      image.original = image.names.join("\n");
      if (image.names.length === 0) image.names = [""];
      image.rows = image.layers.slice(0, LAYERS_SHOWN_MAX).map((layer) => new LayerRow(layer, image));
      this.rows.push(...image.rows);
      const size = image.layers.reduce((sum, layer) => sum + layer.size, 0);
      const layers = make("details", { open: this.archive.images.length === 1 },
        make("summary", {}, t("layers", { count: image.layers.length, size: humanBytes(size) })),
        make("ul", { class: "layers" }, ...image.rows.map((row) => row.element)));
      this.contents.append(make("fieldset", {}, make("legend", {}, label),
        this.nameRows(image, t("name_label", { image: label })), layers));
      this.images.push(image);
    }
  }

  nameRows(image, label) {
    image.inputs = [];
    const rows = make("div");
    const note = make("p", { class: "quiet", hidden: true }, t("not_pushed"));
    const check = () => {
      for (const input of image.inputs) {
        const bad = input.value.trim() !== "" && !isName(input.value.trim());
        input.setAttribute("aria-invalid", String(bad));
        input.title = bad ? t("bad_name") : "";
      }
      note.hidden = !this.archive.kind || image.inputs.some((input) => input.value.trim());
    };
    const add = (name) => {
      const input = make("input", { type: "text", spellcheck: "false", autocapitalize: "off", autocomplete: "off",
                                    "aria-label": label, placeholder: "team/app:1.0", input: check });
      input.value = name;
      image.inputs.push(input);
      const prefix = `${this.server.registry?.replace(/^https?:\/\//, "") ?? location.host}/`;
      rows.append(make("div", { class: "name-row" }, make("span", { class: "prefix" }, prefix), input));
      return input;
    };
    image.names.forEach(add);
    check();
    return make("div", {}, rows, note,
      make("button", { type: "button", class: "small", click: () => { add("").focus(); check(); } }, t("add_name")));
  }

  /** Values of ?to=; throws Trouble. Nothing changed and all named: none, the archive says it. */
  targets() {
    const images = this.images.map((image) => ({
      image, names: image.inputs.map((input) => input.value.trim()).filter(Boolean) }));
    for (const { image, names } of images)
      if (!names.every(isName)) {
        image.inputs.find((input) => input.getAttribute("aria-invalid") === "true").focus();
        throw new Trouble("bad_name");
      }
    const packed = !this.archive.kind; // its names are not known here
    if (!packed && images.every(({ names }) => names.length === 0)) throw new Trouble("no_name");
    const same = images.every(({ image, names }) => names.join("\n") === image.original && (packed || names.length > 0));
    if (same) return [];
    const targets = images.flatMap(({ image, names }) =>
      names.map((name) => images.length > 1 ? `${image.selector}=${name}` : name));
    if (targets.reduce((sum, one) => sum + encodeURIComponent(one).length + 4, 0) > QUERY_MAX)
      throw new Trouble("too_many_names");
    return targets;
  }

  cancel() {
    this.stop?.abort();
    if (this.state === "waiting") this.finish("cancelled");
  }

  finish(state) {
    for (const row of this.rows) {
      // An image that was there already has no news of its layers.
      if (state === "done" && row.image.inputs.some((input) => input.value.trim())) row.settle("exists");
      else if (!row.settled) row.reset();
    }
    // Several images: those that are listed were pushed before it was cancelled.
    const cancelled = t(this.pushed > 0 ? "cancelled_late" : "cancelled");
    this.status.textContent = state === "cancelled" ? cancelled : "";
    this.set(state);
    if (state === "done") announce(t("live_done", { file: this.file.name }));
    if (state === "failed") announce(t("live_failed", { file: this.file.name }));
    if (state === "cancelled") announce(cancelled);
  }

  hear(event) {
    if (event.event === "progress")
      for (const active of event.active)
        for (const row of this.rows)
          if (row.entry === active.label || (active.label.endsWith("…") && row.entry.startsWith(active.label.slice(0, -1))))
            row.moving(active);
    if (event.event === "blob") for (const row of this.rows) if (row.isIn(event)) row.settle(event.status);
    if (event.event === "image") this.showResult(event);
    if (event.event === "error") this.errors.push(event);
  }

  showResult(event) {
    this.pushed += 1;
    const pull = `docker pull ${event.reference}`;
    this.results.append(make("li", {},
      make("span", { class: "good" }, t(event.status === "unchanged" ? "unchanged" : "done"), " "),
      make("strong", {}, event.reference), make("div", { class: "mono quiet digest" }, event.digest),
      make("div", { class: "copy-row" }, make("code", {}, pull),
        copyButton(pull, t("copy"), t("copy_what", { text: pull }), t("copied")))));
  }

  sent(bytes) {
    const percent = Math.min(Math.floor(bytes / this.file.size * 100), 100);
    // 100 % is for what the registry has: the last step is finish().
    this.bar.value = Math.min(percent, 99);
    this.status.textContent = bytes >= this.file.size ? t("finishing")
      : t("sending", { done: humanBytes(bytes), total: humanBytes(this.file.size), percent });
    const quarter = Math.floor(percent / 25) * 25;
    if (quarter > this.announced && quarter < 100) announce(t("live_percent", { file: this.file.name, percent: quarter }));
    this.announced = Math.max(this.announced, quarter);
  }

  async push() {
    let targets;
    this.problem.replaceChildren();
    try {
      targets = this.targets();
    } catch (trouble) {
      this.fail(t(trouble.text, trouble.words));
      this.set("ready");
      return;
    }
    this.stop = new AbortController();
    Object.assign(this, { errors: [], pushed: 0, announced: 0 });
    this.results.replaceChildren();
    this.rows.forEach((row) => row.reset());
    this.set("sending");
    announce(t("live_started", { file: this.file.name }));
    const answer = await this.untilTaken(targets);
    if (this.stop.signal.aborted) return this.finish("cancelled");
    this.showOutcome(answer);
  }

  /** A server that is busy is asked again. */
  async untilTaken(targets) {
    for (;;) {
      this.errors = [];
      const answer = await upload(this.file, targets, {
        hear: (event) => this.hear(event), sent: (bytes) => this.sent(bytes), signal: this.stop.signal });
      if (answer.status !== 429 || this.stop.signal.aborted) return answer;
      this.status.textContent = t("busy", { seconds: answer.retryAfter });
      await new Promise((resolve) => {
        setTimeout(resolve, answer.retryAfter * 1000);
        this.stop.signal.addEventListener("abort", resolve);
      });
    }
  }

  showOutcome(answer) {
    if (this.errors.length === 0 && this.pushed > 0) return this.finish("done");
    const details = this.errors.flatMap((one) => [
      this.errors.length > 1 || this.pushed > 0 || errorText(one) !== one.message ? one.message : null,
      one.cause ? t("cause", { text: one.cause }) : null,
      one.hint ? t("hint", { text: one.hint }) : null]).filter(Boolean);
    let message = this.errors.length > 0 ? errorText(this.errors[0]) : undefined;
    if (this.pushed > 0) message = t("partly");
    else if (this.errors.length > 1) message = t("failed");
    message ??= answer.status ? t("server_said", { status: answer.status }) : t("connection_lost");
    this.fail(message, details);
    this.finish("failed");
  }
}
