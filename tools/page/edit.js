// SPDX-License-Identifier: LGPL-2.1-or-later
// Names, merges, splits, pins and moves of a collection, where edits are possible.
"use strict";

if (pageEditing) (() => {
  const { make, toast, refresh, viewer, counted } = driftcluster;
  const { askName, askChoice, confirm, select, action, showActions } = pageEditing;

  async function send(edit) {
    const done = await pageEditing.send(edit);
    if (done) await refresh();
    return done;
  }

  const others = (group) => driftcluster.groups().filter((other) => other.id !== group);
  const choices = (groups) => groups.map((group) => [group.id, `${group.name} (${group.size})`]);

  async function rename(group) {
    const name = await askName(group.name, "The name stays, also when groups are found anew.");
    if (name) await send({ action: "rename-cluster", group: group.id, name });
  }

  async function merge(group) {
    const list = others(group.id);
    if (list.length === 0) return toast("There is no other group.");
    const into = await askChoice({ title: `Merge “${group.name}”`, text: "All its pictures go into the other group, and so do those that come and look like them.", yes: "Merge", label: "Into", choices: choices(list) });
    if (into && await send({ action: "merge-clusters", group: group.id, into: Number(into) })) location.hash = `#/group/${into}`;
  }

  async function split(group) {
    const yes = await confirm(`Split “${group.name}”`, `Its ${counted(group.size, "picture")} are parted in two by how they look. The larger part keeps the name.`, "Split");
    if (yes) await send({ action: "split-cluster", group: group.id });
  }

  const pin = (group) => send({ action: "pin-cluster", group: group.id, pinned: !group.pinned });

  driftcluster.onGroup((box, group) => {
    showActions(box, [group.id, group.name, group.pinned, group.size], [
      action("Rename", () => rename(group)),
      action("Merge", () => merge(group)),
      action("Split", () => split(group)),
      action("Pin", () => pin(group), { "aria-pressed": String(group.pinned), title: "A pinned group does not follow the pictures that come into it" })]);
  });

  viewer.listeners.push((box, picture) => {
    const list = select(choices(others(picture.group)));
    list.id = "move-to";
    list.prepend(make("option", { value: "", textContent: "Another group …", selected: true }));
    list.onchange = async () => {
      const group = Number(list.value);
      if (group && await send({ action: "move-picture", picture: picture.id, group })) viewer.close();
    };
    box.replaceChildren(make("label", { htmlFor: "move-to", textContent: "Put it into" }), list);
  });

  driftcluster.show();
})();
