// SPDX-License-Identifier: LGPL-2.1-or-later
// What a page needs for edits, where it comes from `driftcluster serve` and the person has its token:
// else this is null.
"use strict";

const pageEditing = (() => {
  const { byId, make, toast } = pageParts;
  const KEY = "driftcluster-token";

  // The token comes behind the # of the address, which no browser sends anywhere, and leaves it.
  function findToken() {
    const given = location.hash.match(/^#token=([\w-]+)$/);
    if (given) {
      sessionStorage.setItem(KEY, given[1]);
      history.replaceState(null, "", "#/groups");
    }
    return location.protocol.startsWith("http") ? sessionStorage.getItem(KEY) : null;
  }

  const token = findToken();
  if (!token) return null;

  // Sends one edit; tells whether it was done, and says why when it was not.
  async function send(edit) {
    try {
      const answer = await fetch("edit", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Driftcluster-Token": token },
        body: JSON.stringify(edit),
      });
      if (!answer.ok) toast(await answer.text());
      return answer.ok;
    } catch {
      toast("The server does not answer. Is driftcluster serve still running?");
      return false;
    }
  }

  // Asks in a dialog; `field` may be null. Resolves to the value, or to null when it was cancelled.
  function ask({ title, text, yes, field }) {
    const dialog = byId("ask");
    byId("ask-title").textContent = title;
    byId("ask-text").textContent = text;
    byId("ask-yes").textContent = yes;
    byId("ask-field").replaceChildren(...(field ? [field.label, field.input] : []));
    return new Promise((resolve) => {
      let value = null;
      byId("ask-form").onsubmit = () => { value = field ? field.input.value : "yes"; };
      dialog.onclose = () => resolve(value);
      dialog.showModal();
      (field ? field.input : byId("ask-yes")).focus();
      if (field && field.input.select) field.input.select();
    });
  }

  function labelled(text, input) {
    input.id = "ask-input";
    return { label: make("label", { htmlFor: input.id, textContent: text }), input };
  }

  function askName(name, text) {
    const input = make("input", { type: "text", value: name, maxLength: 63, required: true, autocomplete: "off" });
    return ask({ title: "Name this group", text, yes: "Name it", field: labelled("Name", input) });
  }

  // `choices` are [value, text] each.
  const select = (choices) => make("select", {}, ...choices.map(([value, textContent]) => make("option", { value, textContent })));

  function askChoice({ title, text, yes, label, choices }) {
    return ask({ title, text, yes, field: labelled(label, select(choices)) });
  }

  const confirm = (title, text, yes) => ask({ title, text, yes, field: null });

  function action(text, run, properties = {}) {
    return make("button", { type: "button", className: "plain", textContent: text, onclick: run, ...properties });
  }

  // Puts actions into a box, anew when `look` has changed; focus stays.
  function showActions(box, look, actions) {
    const text = JSON.stringify(look);
    if (box.dataset.look === text) return;
    const focused = [...box.children].indexOf(document.activeElement);
    box.dataset.look = text;
    box.replaceChildren(...actions);
    if (focused >= 0) (box.children[focused] || byId("main")).focus();
  }

  return { send, askName, askChoice, confirm, select, action, showActions };
})();
