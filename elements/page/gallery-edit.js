// SPDX-License-Identifier: LGPL-2.1-or-later
// Names, merges, splits, pins and what is ignored, of a stream that takes edits.
"use strict";

if (pageEditing) (() => {
  const { toast } = pageParts;
  const { send, askName, askChoice, confirm, action, showActions } = pageEditing;

  async function rename(group) {
    const label = await askName(group.label, "The stream calls it so from now on.");
    if (label) await send({ action: "rename-cluster", cluster: group.uuid, label });
  }

  async function merge(group, others) {
    if (others.length === 0) return toast("There is no other group.");
    const into = await askChoice({ title: `Merge “${group.label}”`, text: "The stream assigns to the other group what it would have assigned to this one. The pictures stay apart.", yes: "Merge", label: "Into", choices: others.map((other) => [other.uuid, other.label]) });
    if (into && await send({ action: "merge-clusters", cluster: into, other: group.uuid })) location.hash = `#/group/${others.find((other) => other.uuid === into).id}`;
  }

  async function split(group) {
    const yes = await confirm(`Split “${group.label}”`, "What the stream remembers of it is parted in two. The larger part keeps the name.", "Split");
    if (yes) await send({ action: "split-cluster", cluster: group.uuid });
  }

  const pin = (group) => send({ action: "pin-cluster", cluster: group.uuid, on: !group.pinned });
  const ignore = (group) => send({ action: "ignore-cluster", cluster: group.uuid, on: group.state !== "ignored" });

  driftcluster.onGroup((box, group, gallery) => {
    const there = gallery.groups.filter((other) => other.uuid && other.uuid !== group.uuid && other.state === "present");
    if (!gallery.edits || !group.uuid || group.state === "gone") return showActions(box, null, []);
    showActions(box, [group.uuid, group.label, group.pinned, group.state, there.map((other) => other.label)], [
      action("Rename", () => rename(group)),
      action("Merge", () => merge(group, there)),
      action("Split", () => split(group)),
      action("Pin", () => pin(group), { "aria-pressed": String(group.pinned), title: "A pinned group does not follow the stream" }),
      action("Ignore", () => ignore(group), { "aria-pressed": String(group.state === "ignored"), title: "An ignored group is neither drawn nor published" })]);
  });
})();
