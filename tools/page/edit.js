// SPDX-License-Identifier: LGPL-2.1-or-later
// Names, merges, splits, pins and moves, where the page comes from `driftcluster serve` and the
// person has its token.
"use strict";

(() => {
  const { make, byId, toast, refresh, viewer, counted } = driftcluster;

  // The token comes behind the # of the address, which no browser sends anywhere, and leaves it.
  function findToken() {
    const given = location.hash.match(/^#token=([\w-]+)$/);
    if (given) {
      sessionStorage.setItem("driftcluster-token", given[1]);
      history.replaceState(null, "", "#/groups");
    }
    return driftcluster.served ? sessionStorage.getItem("driftcluster-token") : null;
  }

  const token = findToken();
  if (!token) return;

  // Sends one edit; tells whether it was done, and says why when it was not.
  async function send(edit) {
    try {
      const answer = await fetch("edit", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Driftcluster-Token": token },
        body: JSON.stringify(edit),
      });
      if (!answer.ok) toast(await answer.text());
      else await refresh();
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

  const others = (group) => driftcluster.groups().filter((other) => other.id !== group);

  function groupSelect(list) {
    return make("select", {}, ...list.map((group) => make("option", { value: group.id, textContent: `${group.name} (${group.size})` })));
  }

  async function rename(group) {
    const input = make("input", { type: "text", value: group.name, maxLength: 63, required: true, autocomplete: "off" });
    const name = await ask({ title: "Name this group", text: "The name stays, also when groups are found anew.", yes: "Name it", field: labelled("Name", input) });
    if (name) await send({ action: "rename-cluster", group: group.id, name });
  }

  async function merge(group) {
    const list = others(group.id);
    if (list.length === 0) return toast("There is no other group.");
    const into = await ask({ title: `Merge “${group.name}”`, text: "All its pictures go into the other group, and so do those that come and look like them.", yes: "Merge", field: labelled("Into", groupSelect(list)) });
    if (into && await send({ action: "merge-clusters", group: group.id, into: Number(into) })) location.hash = `#/group/${into}`;
  }

  async function split(group) {
    const yes = await ask({ title: `Split “${group.name}”`, text: `Its ${counted(group.size, "picture")} are parted in two by how they look. The larger part keeps the name.`, yes: "Split", field: null });
    if (yes) await send({ action: "split-cluster", group: group.id });
  }

  const pin = (group) => send({ action: "pin-cluster", group: group.id, pinned: !group.pinned });

  function action(text, run, properties = {}) {
    return make("button", { type: "button", className: "plain", textContent: text, onclick: run, ...properties });
  }

  driftcluster.onGroup((box, group) => {
    const look = JSON.stringify([group.id, group.name, group.pinned, group.size]);
    if (box.dataset.look === look) return;
    const focused = [...box.children].indexOf(document.activeElement);
    box.dataset.look = look;
    box.replaceChildren(
      action("Rename", () => rename(group)),
      action("Merge", () => merge(group)),
      action("Split", () => split(group)),
      action("Pin", () => pin(group), { "aria-pressed": String(group.pinned), title: "A pinned group does not follow the pictures that come into it" }));
    if (focused >= 0) box.children[focused].focus();
  });

  viewer.listeners.push((box, picture) => {
    const select = groupSelect(others(picture.group));
    select.id = "move-to";
    select.prepend(make("option", { value: "", textContent: "Another group …", selected: true }));
    select.onchange = async () => {
      const group = Number(select.value);
      if (group && await send({ action: "move-picture", picture: picture.id, group })) viewer.close();
    };
    box.replaceChildren(make("label", { htmlFor: "move-to", textContent: "Put it into" }), select);
  });

  driftcluster.show();
})();
