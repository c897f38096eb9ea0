// SPDX-License-Identifier: LGPL-2.1-or-later
// Shows what gallery-sink keeps of a stream. data/groups.js calls driftcluster.gallery() with it;
// docs/elements/gallery-sink.md lists its members. Text from the stream is only ever set as text,
// never as markup.
"use strict";

const driftcluster = (() => {
  const POLL_MS = 500;
  const ENDED_POLL_MS = 3000; // another stream may come into the folder
  const SILENT_MS = 15000; // without news for that long, a stream is not called live
  const { byId, make, number, counted, reconcile, load, newCard, updateCard } = pageParts;

  let gallery = null;
  const listeners = []; // told of the group that is shown

  // --- small things ---

  const addressOf = (exemplar) => `${exemplar.file}?${gallery.run}`;
  const groupOf = (id) => gallery.groups.find((group) => group.id === id);

  // Milliseconds of the stream as 3:07 or 1:00:25.
  function clock(time) {
    const seconds = Math.floor(time / 1000);
    const two = (value) => String(value).padStart(2, "0");
    const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60;
    return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  }

  function period(group) {
    if (group.first === null) return "";
    const [from, to] = [clock(group.first), clock(group.last)];
    return from === to ? `at ${from}` : `${from} – ${to}`;
  }

  const byQuality = (a, b) => a.novel - b.novel || b.sure - a.sure || a.distance - b.distance;
  const best = (group) => [...group.exemplars].sort(byQuality);

  // --- what is shown above everything ---

  const isSilent = () => !gallery.ended && Date.now() - gallery.written > SILENT_MS;

  function showState() {
    let text = "Live";
    if (gallery.ended) text = "The stream has ended";
    else if (isSilent()) text = "No news from the stream";
    byId("state").hidden = false;
    byId("state").classList.toggle("still", text !== "Live");
    byId("state-time").textContent = gallery.time === null ? "" : clock(gallery.time);
    if (byId("state-text").textContent !== text) byId("state-text").textContent = text;
  }

  function showHead() {
    const title = gallery.title || "Groups of a stream";
    const shown = gallery.groups.filter((group) => group.state === "present");
    const total = gallery.groups.reduce((sum, group) => sum + group.count, 0);
    document.title = `${title} – groups`;
    byId("title").textContent = title;
    byId("summary").textContent = `${counted(total, "sighting")} in ${counted(shown.length, "group")}`;
  }

  // --- groups ---

  const meter = (group) => pageParts.meter(Math.round(group.sure), "How sure its sightings were assigned, on average");

  function facts(group) {
    const list = [make("span", { textContent: counted(group.count, "sighting") })];
    if (group.sure !== null) list.push(meter(group));
    if (group.first !== null) list.push(make("span", { textContent: period(group), title: "Between the first and the last sighting, in time of the stream" }));
    if (group.family) list.push(make("span", { className: "badge pin", textContent: group.family }));
    if (group.novel > 0)
      list.push(make("span", { className: "badge", textContent: `${number(group.novel)} novel`, title: "Sightings that fit no group; this one is the nearest" }));
    if (group.pinned) list.push(make("span", { className: "badge pin", textContent: "pinned" }));
    if (group.state === "ignored") list.push(make("span", { className: "badge pin", textContent: "ignored" }));
    return list;
  }

  function groupCard(card, group) {
    updateCard(card, { link: `#/group/${group.id}`, title: group.label, sources: best(group).map(addressOf), facts: facts(group) });
    card.style.setProperty("--group", group.colour);
  }

  function exemplarTile(exemplar) {
    const image = make("img", { src: addressOf(exemplar), alt: "", loading: "lazy", decoding: "async" });
    image.onerror = () => { image.style.visibility = "hidden"; };
    const time = exemplar.time === null ? "" : clock(exemplar.time);
    const name = [time && `Seen at ${time}`, `${exemplar.sure} % sure`, exemplar.novel && "novel"].filter(Boolean).join(", ");
    const button = make("button", { type: "button", className: "tile", "aria-label": name, title: name }, image);
    if (exemplar.novel) button.append(make("span", { className: "badge mark", textContent: "novel" }));
    button.onclick = () => viewer.open(exemplar.file, button);
    return make("li", { className: "arrived" }, button, make("p", { className: "caption quiet", textContent: [time, `${exemplar.sure} %`].filter(Boolean).join(" · ") }));
  }

  // --- views ---

  // The element of the view `key`; made anew when another view is shown.
  function viewRoot(key, create) {
    const view = byId("view");
    if (view.dataset.view !== key) {
      view.dataset.view = key;
      view.replaceChildren(create());
    }
    return view.firstElementChild;
  }

  function showGroups() {
    const present = gallery.groups.filter((group) => group.state === "present");
    const others = gallery.groups.filter((group) => group.state !== "present");
    byId("gone").hidden = others.length === 0;
    reconcile(byId("gone-list"), others, (group) => group.id, newCard, groupCard);
    if (present.length === 0) {
      const text = gallery.ended ? "Nothing was assigned to a group." : "No group yet. They come when the warm-up of adapt-centroids is over.";
      viewRoot(`empty ${text}`, () => make("p", { className: "empty", textContent: text }));
      return;
    }
    const list = viewRoot("groups", () => make("ul", { className: "cards" }));
    reconcile(list, present, (group) => group.id, newCard, groupCard);
  }

  function showGroup(id) {
    const group = groupOf(id);
    byId("gone").hidden = true;
    if (!group) {
      viewRoot("none", () => make("p", { className: "empty" }, "This group is not there any more. ", make("a", { href: "#/groups", textContent: "All groups" })));
      return;
    }
    const root = viewRoot(`group ${id}`, () => make("div", {},
      make("div", { className: "view-head" },
        make("a", { className: "back", href: "#/groups", textContent: "‹ All groups" }),
        make("h2", { tabIndex: -1 }), make("div", { className: "card-facts" }), make("div", { className: "buttons" })),
      make("ul", { className: "pictures" })));
    root.querySelector("h2").textContent = group.label;
    root.style.setProperty("--group", group.colour);
    root.querySelector(".card-facts").replaceChildren(...facts(group));
    for (const listener of listeners) listener(root.querySelector(".buttons"), group, gallery);
    reconcile(root.querySelector(".pictures"), group.exemplars, (exemplar) => exemplar.file, exemplarTile);
  }

  const route = () => (location.hash.match(/^#\/group\/([\w-]+)$/) || [])[1];

  function show() {
    if (!gallery) return;
    showHead();
    showState();
    if (route()) showGroup(route());
    else showGroups();
  }

  // --- one picture, large ---

  const viewer = (() => {
    const dialog = byId("viewer");
    let current = null; // the file that is shown
    let opener = null;

    const find = (file) => {
      for (const group of gallery.groups) {
        const at = group.exemplars.findIndex((exemplar) => exemplar.file === file);
        if (at >= 0) return { group, at, exemplar: group.exemplars[at] };
      }
      return null;
    };

    function show(file) {
      const found = find(file);
      if (!found) return;
      const { group, at, exemplar } = found;
      current = file;
      byId("viewer-image").alt = `An exemplar of ${group.label}`;
      byId("viewer-image").src = addressOf(exemplar);
      byId("viewer-name").textContent = group.label;
      byId("viewer-file").href = exemplar.file;
      const told = [["Sure", `${exemplar.sure} %`], ["From its centroid", exemplar.distance.toPrecision(3)],
        ["Size", `${exemplar.width} × ${exemplar.height}`]];
      if (exemplar.time !== null) told.unshift(["Seen at", clock(exemplar.time)]);
      if (exemplar.novel) told.push(["Novel", "fits no group"]);
      byId("viewer-facts").replaceChildren(...told.flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]));
      byId("viewer-previous").disabled = at <= 0;
      byId("viewer-next").disabled = at + 1 >= group.exemplars.length;
    }

    function go(step) {
      const found = find(current);
      const next = found && found.group.exemplars[found.at + step];
      if (next) show(next.file);
    }

    function open(file, from) {
      opener = from;
      show(file);
      if (!dialog.open) dialog.showModal();
      byId("viewer-name").focus();
    }

    byId("viewer-previous").onclick = () => go(-1);
    byId("viewer-next").onclick = () => go(1);
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") go(-1);
      if (event.key === "ArrowRight") go(1);
    });
    dialog.addEventListener("close", () => {
      byId("viewer-image").removeAttribute("src");
      if (opener && opener.isConnected) opener.focus();
    });
    return { open };
  })();

  // --- keeping up ---

  async function keepUp() {
    if (!document.hidden) {
      await load("groups", Date.now());
      if (gallery) showState();
    }
    setTimeout(keepUp, gallery && gallery.ended ? ENDED_POLL_MS : POLL_MS);
  }

  pageParts.listen();
  window.addEventListener("hashchange", () => {
    show();
    window.scrollTo(0, 0);
    const heading = byId("view").querySelector("h2[tabindex]");
    (heading || byId("main")).focus({ preventScroll: true });
  });
  keepUp().then(() => {
    if (!gallery) byId("view").replaceChildren(make("p", { className: "empty", textContent: "data/groups.js is not beside this page; the page belongs into the folder that gallery-sink made." }));
  });

  return {
    gallery(data) {
      if (gallery && gallery.run === data.run && gallery.written === data.written) return;
      gallery = data;
      show();
    },
    // For gallery-edit.js.
    onGroup: (listener) => listeners.push(listener),
  };
})();
