// Who is logged in, and requests to the server that say so.
//
// Every request of the page carries a header: with it the server knows that no other site made the
// browser send the request, and that nobody wants the browser's own password window.

import { byId } from "./dom.js";
import { t } from "./texts.js";

const HEADER = "X-Tarpon-Token";
const NO_TOKEN = "none";

const session = { login: false, user: null, token: null };
let whenOut = () => {};
let lastUser = null; // whose page this is, also when the session is over

export const headers = () => ({ [HEADER]: session.token ?? NO_TOKEN });
export const loginNeeded = () => session.login && session.user === null;
export const user = () => session.user;

/** As fetch, never from a cache. A 401 means that the session is over. */
export async function ask(path, options = {}) {
  const answer = await fetch(path, { cache: "no-store", ...options, headers: { ...options.headers, ...headers() } });
  if (answer.status === 401 && path !== "/login") over();
  return answer;
}

/** The server says that the session is over: the form comes back, what is on the page stays. */
export function over() {
  if (!session.login) return;
  Object.assign(session, { user: null, token: null });
  whenOut(t("logged_out_by_server"));
}

/** `out(message)` is called when somebody has to log in, now or later. */
export async function startSession(out) {
  whenOut = out;
  const known = await ask("/session");
  if (known.ok) Object.assign(session, await known.json());
  lastUser = session.user;
}

/** "" or what went wrong, in words. */
export async function logIn(username, password) {
  let answer;
  try {
    answer = await ask("/login", { method: "POST", body: JSON.stringify({ username, password }),
                                   headers: { "Content-Type": "application/json" } });
  } catch {
    return t("connection_lost");
  }
  if (answer.ok) {
    Object.assign(session, await answer.json());
    if (lastUser !== null && lastUser !== session.user) location.reload();
    lastUser = session.user;
    return "";
  }
  if (answer.status === 401 || answer.status === 400) return t("login_wrong");
  if (answer.status === 429) return t("login_too_many", { seconds: answer.headers.get("Retry-After") ?? 60 });
  return t("server_said", { status: answer.status });
}

export async function logOut() {
  try {
    await ask("/logout", { method: "POST" });
  } catch {
    // The session ends by itself then.
  }
  location.reload(); // nothing of what was shown stays
}

/** Shows the form, or what it guards. */
export function showLogin(needed, message = "") {
  byId("login").hidden = !needed;
  byId("content").hidden = needed;
  byId("who").hidden = session.user === null;
  byId("user").textContent = session.user === null ? "" : t("logged_in_as", { user: session.user });
  byId("login-note").textContent = message;
  byId("login-problem").textContent = "";
  if (needed) byId("username").focus();
}

/** `entered()` is called after each good login. */
export function listenForLogin(entered) {
  const form = byId("login-form"), problem = byId("login-problem");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = byId("log-in"), password = byId("password");
    button.disabled = true;
    problem.textContent = "";
    const trouble = await logIn(byId("username").value, password.value);
    button.disabled = false;
    password.value = "";
    if (trouble) {
      problem.textContent = trouble;
      password.focus();
      return;
    }
    showLogin(false);
    entered();
  });
  byId("log-out").addEventListener("click", logOut);
}
