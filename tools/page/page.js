// SPDX-License-Identifier: LGPL-2.1-or-later
// Shows the groups of a collection. Data come as scripts in data/ that call driftcluster.index(),
// .group() and .outliers(); docs/collections.md lists their members. Text from files is only ever
// set as text, never as markup.
"use strict";

const driftcluster = (() => {
  const FLAG = { novel: 1, fresh: 2, held: 4 };
  const CHUNK = 240; // pictures that a list shows at first, and adds each time
  const POLL_MS = 700;
  const served = location.protocol.startsWith("http");
  const { byId, make, number, counted, reconcile, load, newCard, updateCard, toast } = pageParts;

  let index = null;
  const groups = new Map(); // id -> {revision, pictures}
  const listeners = []; // told after each new index

  // --- small things ---

  const thumbnail = (id) => `thumbs/${Math.floor(id / 1000)}/${id}.jpg`;
  const fileName = (path) => path.slice(path.lastIndexOf("/") + 1);
  const groupOf = (id) => index.groups.find((group) => group.id === id);

  // --- loading ---

  async function loadGroup(id) {
    const wanted = groupOf(id);
    if (!wanted) return null;
    const known = groups.get(id);
    if (known && known.revision === wanted.revision) return known;
    await load(`group-${id}`, wanted.revision);
    const now = groupOf(id);
    if (!now || now.revision !== wanted.revision) return loadGroup(id); // it was changed meanwhile
    const loaded = groups.get(id);
    if (loaded) loaded.revision = wanted.revision;
    return loaded || null;
  }

  let refreshing = null; // the load under way
  let next = null; // the one behind it, for all who asked meanwhile: what is under way may be old

  function refresh() {
    if (!refreshing) {
      refreshing = load("index", Date.now()).then(() => { refreshing = null; });
      return refreshing;
    }
    next = next || refreshing.then(() => {
      next = null;
      return refresh();
    });
    return next;
  }

  // --- what is shown above everything ---

  function showState() {
    const box = byId("state");
    const left = index.waiting;
    const progress = byId("state-progress");
    const working = index.attended && left > 0;
    let text = "";
    if (working) text = `Looking at pictures: ${number(left)} to go`;
    else if (index.status === "vanished") text = "The folder has vanished. Its groups stay; they go on when it is back.";
    else if (index.attended && index.status === "learning") text = index.learning || "Learning from the pictures";
    else if (index.attended) text = "Watching the folder";
    box.hidden = text === "";
    box.classList.toggle("trouble", index.status === "vanished");
    progress.hidden = !working;
    progress.value = index.pictures / Math.max(1, index.pictures + left);
    if (byId("state-text").textContent !== text) byId("state-text").textContent = text;
  }

  function showHead() {
    document.title = `${index.title} – groups`;
    byId("title").textContent = index.title;
    byId("summary").textContent = `${counted(index.pictures, "picture")} in ${counted(index.groups.length, "group")}`;
  }

  function showFresh() {
    byId("fresh").hidden = index.newest.length === 0 || route().name !== "groups";
    byId("fresh-title").textContent = `New: ${counted(index.new, "picture")}`;
    reconcile(byId("fresh-list"), index.newest, (item) => item[0],
      ([id, path, group]) => pictureTile({ id, path, group, arrived: true }));
  }

  function showFoot() {
    const outliers = byId("open-outliers");
    outliers.hidden = index.outliers === 0;
    outliers.textContent = `Outliers: ${counted(index.outliers, "picture")} unlike their group`;
    byId("unreadable").hidden = index.unreadableCount === 0;
    const more = index.unreadableCount - index.unreadable.length;
    byId("unreadable-title").textContent = `${counted(index.unreadableCount, "file")} that cannot be read${more > 0 ? `; the first ${index.unreadable.length}` : ""}`;
    reconcile(byId("unreadable-list"), index.unreadable, (item) => item[0],
      ([path, why]) => make("li", {}, make("strong", { textContent: path }), make("br"), why || ""));
    byId("encoder").hidden = !index.encoder;
    byId("encoder").textContent = `Seen by ${index.model ? `the network ${index.model.split("/").pop()}` : "the built-in descriptor"}.${index.learning ? ` ${index.learning}.` : ""}`;
    byId("hint").hidden = !index.encoder || !index.encoder.startsWith("colour-gradient");
  }

  // --- cards ---

  const meter = (sure) => pageParts.meter(sure, "How much nearer its pictures are to this group than to the next, on average; 50 % would be a guess");

  const sourcesOf = (exemplars) => exemplars.map(([id]) => thumbnail(id));

  function badges(group) {
    const list = [];
    if (group.new > 0) list.push(make("span", { className: "badge", textContent: `${number(group.new)} new` }));
    if (group.pinned) list.push(make("span", { className: "badge pin", textContent: "pinned" }));
    return list;
  }

  function groupCard(card, group) {
    updateCard(card, {
      link: `#/group/${group.id}`,
      title: group.name,
      sources: sourcesOf(group.exemplars),
      facts: [make("span", { textContent: counted(group.size, "picture") }), meter(group.sure), ...badges(group)],
    });
  }

  // The pictures of a family: the best of each of its groups in turn.
  function familyExemplars(members) {
    const list = [];
    for (let i = 0; list.length < 5 && i < 5; i++)
      for (const group of members) if (group.exemplars[i] && list.length < 5) list.push(group.exemplars[i]);
    return list;
  }

  function familyName(members) {
    const named = [...members].sort((a, b) => b.named - a.named || b.size - a.size);
    if (members.length <= 2) return named.map((group) => group.name).join(" and ");
    return `${named[0].name}, ${named[1].name} and ${members.length - 2} more`;
  }

  function familyCard(card, members) {
    const sum = (what) => members.reduce((total, group) => total + what(group), 0);
    const size = sum((group) => group.size);
    const fresh = sum((group) => group.new);
    updateCard(card, {
      link: members.length === 1 ? `#/group/${members[0].id}` : `#/family/${members[0].id}`,
      title: familyName(members),
      sources: sourcesOf(familyExemplars(members)),
      facts: [make("span", { textContent: `${counted(size, "picture")} in ${counted(members.length, "group")}` }),
        ...(fresh > 0 ? badges({ new: fresh }) : [])],
    });
  }

  const families = () => index.families.map((ids) => ids.map(groupOf).filter(Boolean)).filter((members) => members.length > 0);

  // --- lists of pictures ---

  function pictureTile({ id, path, group, fresh, arrived }) {
    const image = make("img", { src: thumbnail(id), alt: "", loading: "lazy", decoding: "async" });
    image.onerror = () => { image.style.visibility = "hidden"; };
    const button = make("button", { type: "button", className: "tile", title: path, "aria-label": path }, image);
    if (fresh) button.append(make("span", { className: "badge mark", textContent: "new" }));
    button.onclick = () => viewer.open(id, group, button);
    return make("li", { className: arrived ? "arrived" : "" }, button);
  }

  // A list that grows as one scrolls; a button does the same for those who do not scroll.
  function pictureList(pictures, shown) {
    const list = make("ul", { className: "pictures" });
    const more = make("button", { type: "button", className: "plain more" });
    const box = make("div", {}, list, more);
    let limit = shown || CHUNK;
    box.show = (items) => {
      pictures = items;
      reconcile(list, items.slice(0, limit), (item) => item.id, pictureTile);
      more.hidden = items.length <= limit;
      more.textContent = `Show more (${number(Math.max(0, items.length - limit))} left)`;
    };
    more.onclick = () => {
      limit += CHUNK;
      box.show(pictures);
    };
    new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting) && !more.hidden) more.onclick();
    }, { rootMargin: "600px" }).observe(more);
    box.show(pictures);
    return box;
  }

  function described([id, path, sure, flags, neighbours, address], group) {
    return { id, path, sure, group, neighbours, address, novel: !!(flags & FLAG.novel), fresh: !!(flags & FLAG.fresh), held: !!(flags & FLAG.held) };
  }

  // --- views ---

  function route() {
    const [, name = "groups", argument = ""] = location.hash.split("/");
    const known = ["groups", "families", "group", "family", "search"].includes(name);
    return known ? { name, argument: decode(argument) } : { name: "groups", argument: "" };
  }

  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  // The element of the view `key`; made anew when another view is shown.
  function viewRoot(key, create) {
    const view = byId("view");
    if (view.dataset.view !== key) {
      view.dataset.view = key;
      view.replaceChildren(create());
    }
    return view.firstElementChild;
  }

  function cardsView(key, items, itemKey, update) {
    const list = viewRoot(key, () => make("ul", { className: "cards" }));
    reconcile(list, items, itemKey, newCard, update);
  }

  function showGroups() {
    if (index.groups.length === 0) {
      const text = index.waiting > 0 ? "The first groups come in a moment." : "There is no picture in this folder yet.";
      viewRoot(`empty ${text}`, () => make("p", { className: "empty", textContent: text }));
      return;
    }
    cardsView("groups", index.groups, (group) => group.id, groupCard);
  }

  const showFamilies = () => cardsView("families", families(), (members) => members[0].id, familyCard);

  function showFamily(id) {
    const members = families().find((list) => list.some((group) => group.id === id));
    if (!members) return gone("This family");
    const root = viewRoot(`family ${id}`, () => make("div", {},
      make("div", { className: "view-head" }, make("a", { className: "back", href: "#/families", textContent: "‹ All families" }), make("h2", { tabIndex: -1 })),
      make("ul", { className: "cards" })));
    root.querySelector("h2").textContent = `A family of ${counted(members.length, "group")}`;
    reconcile(root.querySelector(".cards"), members, (group) => group.id, newCard, groupCard);
  }

  function gone(what) {
    viewRoot(`gone ${what}`, () => make("p", { className: "empty" }, `${what} is not there any more. `, make("a", { href: "#/groups", textContent: "All groups" })));
  }

  async function showGroup(id) {
    const group = groupOf(id);
    if (!group) return gone("This group");
    const root = viewRoot(`group ${id}`, () => {
      const box = make("div", {},
        make("div", { className: "view-head" },
          make("a", { className: "back", href: "#/groups", textContent: "‹ All groups" }),
          make("h2", { tabIndex: -1 }), make("div", { className: "card-facts" }), make("div", { className: "buttons" })));
      box.list = pictureList([]);
      box.append(box.list);
      return box;
    });
    root.querySelector("h2").textContent = group.name;
    root.querySelector(".card-facts").replaceChildren(make("span", { textContent: counted(group.size, "picture") }), meter(group.sure), ...badges(group));
    for (const listener of listeners) listener(root.querySelector(".buttons"), group);
    const loaded = await loadGroup(id);
    if (loaded) root.list.show(loaded.pictures.map((picture) => described(picture, id)));
  }

  let searched = 0;

  async function showSearch(text) {
    const run = ++searched;
    const wanted = text.toLocaleLowerCase();
    const root = viewRoot("search", () => {
      const box = make("div", {}, make("div", { className: "view-head" },
        make("h2", { tabIndex: -1, textContent: "Search" }), make("p", { className: "quiet", role: "status" })), make("ul", { className: "cards" }));
      box.list = pictureList([]);
      box.append(make("div", { className: "family-groups" }, box.list));
      return box;
    });
    const status = root.querySelector("[role=status]");
    const matches = index.groups.filter((group) => group.name.toLocaleLowerCase().includes(wanted));
    reconcile(root.querySelector(".cards"), matches, (group) => group.id, newCard, groupCard);
    const found = [];
    for (const [i, group] of index.groups.entries()) {
      const loaded = await loadGroup(group.id);
      if (run !== searched) return;
      for (const picture of loaded ? loaded.pictures : [])
        if (picture[1].toLocaleLowerCase().includes(wanted)) found.push(described(picture, group.id));
      status.textContent = i + 1 < index.groups.length ? `Searching, ${i + 1} of ${index.groups.length} groups` : status.textContent;
      root.list.show(found);
    }
    status.textContent = `${counted(found.length, "picture")} named like “${text}”`;
  }

  function show() {
    if (!index) return;
    const { name, argument } = route();
    for (const [id, names] of [["to-groups", ["groups", "group"]], ["to-families", ["families", "family"]]]) {
      if (names.includes(name)) byId(id).setAttribute("aria-current", "page");
      else byId(id).removeAttribute("aria-current");
    }
    showHead();
    showState();
    showFresh();
    showFoot();
    if (name === "group") showGroup(Number(argument));
    else if (name === "family") showFamily(Number(argument));
    else if (name === "families") showFamilies();
    else if (name === "search" && argument) showSearch(argument);
    else showGroups();
  }

  // --- one picture, large ---

  const viewer = (() => {
    const dialog = byId("viewer");
    let current = null; // {picture, list}
    let opener = null;

    function original(picture) {
      if (served) return `picture/${picture.id}`;
      return `${index.address}/${picture.address || picture.path.split("/").map(encodeURIComponent).join("/")}`;
    }

    function showImage(picture) {
      const image = byId("viewer-image");
      image.alt = fileName(picture.path);
      image.onerror = () => { // not a format that browsers show, or the file is not there
        image.onerror = null;
        image.src = thumbnail(picture.id);
      };
      image.src = original(picture);
    }

    function show(picture, list) {
      const group = groupOf(picture.group);
      current = { picture, list };
      showImage(picture);
      byId("viewer-name").textContent = picture.path;
      byId("viewer-original").href = original(picture);
      const facts = [group ? group.name : "", picture.held ? "put there by hand" : `${picture.sure} % sure`];
      if (picture.novel) facts.push("an outlier");
      byId("viewer-facts").textContent = facts.filter(Boolean).join(" · ");
      const like = picture.neighbours.map((id) => list.find((other) => other.id === id)).filter(Boolean);
      byId("viewer-like-title").hidden = like.length === 0;
      byId("viewer-like").replaceChildren(...like.map((other) => {
        const tile = pictureTile(other);
        tile.firstElementChild.onclick = () => {
          show(other, list);
          byId("viewer-name").focus();
        };
        return tile;
      }));
      const at = list.indexOf(picture);
      byId("viewer-previous").disabled = at <= 0;
      byId("viewer-next").disabled = at < 0 || at + 1 >= list.length;
      for (const listener of viewer.listeners) listener(byId("viewer-edit"), picture);
    }

    function go(step) {
      const next = current && current.list[current.list.indexOf(current.picture) + step];
      if (next) show(next, current.list);
    }

    async function open(id, group, from) {
      const loaded = await loadGroup(group);
      const list = (loaded ? loaded.pictures : []).map((picture) => described(picture, group));
      const picture = list.find((other) => other.id === id);
      if (!picture) return toast("This picture is not there any more.");
      opener = from;
      show(picture, list);
      if (!dialog.open) dialog.showModal();
      byId("viewer-name").focus();
    }

    byId("viewer-previous").onclick = () => go(-1);
    byId("viewer-next").onclick = () => go(1);
    dialog.addEventListener("keydown", (event) => {
      if (event.target.closest("select, input")) return;
      if (event.key === "ArrowLeft") go(-1);
      if (event.key === "ArrowRight") go(1);
    });
    dialog.addEventListener("close", () => {
      byId("viewer-image").removeAttribute("src");
      if (opener && opener.isConnected) opener.focus();
    });
    return { open, listeners: [], close: () => dialog.close() };
  })();

  // --- the drawer ---

  async function openOutliers() {
    await load("outliers", index.written);
    byId("drawer").showModal();
    byId("drawer-title").focus();
  }

  // --- keeping up ---

  // A page from a server is told; one from a file looks, as long as somebody attends to it.
  function keepUp() {
    if (served && "EventSource" in window) {
      const events = new EventSource("events");
      events.onmessage = refresh;
    } else {
      setInterval(() => {
        if (index && index.attended && !document.hidden) refresh();
      }, POLL_MS);
    }
  }

  function listen() {
    let typing = 0;
    byId("search").oninput = () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        const text = byId("search").value.trim();
        location.replace(text ? `#/search/${encodeURIComponent(text)}` : "#/groups");
      }, 200);
    };
    byId("search-form").onsubmit = (event) => event.preventDefault();
    byId("open-outliers").onclick = openOutliers;
    pageParts.listen();
    window.addEventListener("hashchange", () => {
      show();
      if (route().name === "search") return;
      byId("search").value = "";
      window.scrollTo(0, 0);
      const heading = byId("view").querySelector("h2[tabindex]");
      (heading || byId("main")).focus({ preventScroll: true });
    });
  }

  listen();
  refresh().then(() => {
    if (!index) byId("view").replaceChildren(make("p", { className: "empty", textContent: "data/index.js is not beside this page; the page belongs into the folder that driftcluster made." }));
    keepUp();
  });

  return {
    index(data) {
      if (index && index.written === data.written) return;
      index = data;
      show();
    },
    group(data) {
      groups.set(data.id, { pictures: data.pictures, revision: -1 });
    },
    outliers(data) {
      reconcile(byId("drawer-list"), data.pictures, (item) => item[0], ([id, path, group]) => pictureTile({ id, path, group }));
    },
    // For edit.js.
    make, toast, refresh, viewer, counted,
    groups: () => (index ? index.groups : []),
    onGroup: (listener) => listeners.push(listener),
    show,
  };
})();
