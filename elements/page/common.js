// SPDX-License-Identifier: LGPL-2.1-or-later
// What the page of a collection (tools/page) and that of a gallery share. Text from files is only
// ever set as text, never as markup.
"use strict";

const pageParts = (() => {
  const byId = (id) => document.getElementById(id);

  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in element) element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  const number = (value) => value.toLocaleString("en-GB");
  const counted = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;

  // Makes the children of `parent` those that `items` need, keeping the elements of items that stay:
  // focus and scroll position survive an update.
  function reconcile(parent, items, key, create, update) {
    const old = new Map();
    for (const child of [...parent.children]) old.set(child.dataset.key, child);
    let next = parent.firstElementChild;
    for (const item of items) {
      const name = String(key(item));
      let element = old.get(name);
      if (!element) {
        element = create(item);
        element.dataset.key = name;
      }
      old.delete(name);
      if (element === next) next = next.nextElementSibling;
      else parent.insertBefore(element, next);
      if (update) update(element, item);
    }
    for (const element of old.values()) element.remove();
  }

  // --- loading ---

  const waiting = new Map(); // address of a script -> Promise

  // Runs data/NAME.js, a script because a page that is opened as a file may load no other files.
  function load(name, version) {
    const src = `data/${name}.js?${version}`;
    if (waiting.has(src)) return waiting.get(src);
    const loaded = new Promise((resolve) => {
      const script = make("script", { src });
      const end = () => {
        waiting.delete(src);
        script.remove();
        resolve();
      };
      script.onload = end;
      script.onerror = end;
      document.head.append(script);
    });
    waiting.set(src, loaded);
    return loaded;
  }

  // --- cards ---

  function meter(sure, title) {
    const bar = make("b");
    bar.style.width = `${sure}%`;
    return make("span", { className: "meter", title }, make("i", { "aria-hidden": "true" }, bar), `${sure} % sure`);
  }

  function mosaic(sources) {
    const box = make("div", { className: "mosaic", "aria-hidden": "true" });
    for (const src of sources)
      box.append(make("span", {}, make("img", { src, alt: "", loading: "lazy", decoding: "async" })));
    return box;
  }

  const newCard = () => make("li", { className: "card" });

  // `sources` are the addresses of pictures, of which the first five are shown.
  function updateCard(card, { link, title, facts, sources }) {
    const shown = sources.slice(0, 5);
    const look = JSON.stringify([title, shown]);
    if (card.dataset.look !== look) {
      const focused = card.contains(document.activeElement);
      card.dataset.look = look;
      const anchor = make("a", { href: link, textContent: title });
      card.replaceChildren(mosaic(shown),
        make("div", { className: "card-text" }, make("h2", {}, anchor), make("div", { className: "card-facts" })));
      if (focused) anchor.focus();
    }
    card.querySelector(".card-facts").replaceChildren(...facts);
  }

  // --- what every such page has ---

  // What pageEditing asks in.
  const askDialog = () => make("dialog", { id: "ask", "aria-labelledby": "ask-title" },
    make("form", { id: "ask-form", method: "dialog" },
      make("h2", { id: "ask-title", textContent: "Edit" }),
      make("p", { id: "ask-text", className: "quiet" }),
      make("div", { id: "ask-field" }),
      make("p", { className: "buttons" },
        make("button", { type: "button", className: "plain", "data-close": "", textContent: "Cancel" }),
        make("button", { type: "submit", className: "primary", id: "ask-yes", textContent: "OK" }))));

  // There from the beginning: a live region that comes with its text is not read out.
  const toastBox = () => make("p", { id: "toast", role: "alert", hidden: true });

  document.body.append(askDialog(), toastBox());

  let toastTimer = 0;

  function toast(text) {
    const box = byId("toast");
    box.textContent = text;
    box.hidden = false;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { box.hidden = true; }, 6000);
  }

  function listen() {
    for (const button of document.querySelectorAll("[data-close]")) button.onclick = () => button.closest("dialog").close();
    for (const dialog of document.querySelectorAll("dialog"))
      dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    document.querySelector(".skip").onclick = (event) => {
      event.preventDefault();
      byId("main").focus();
    };
  }

  return { byId, make, number, counted, reconcile, load, meter, newCard, updateCard, toast, listen };
})();
