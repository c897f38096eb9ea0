#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the parts of docs/elements/*.md that the elements themselves tell.

    generate.py FOLDER           brings the pages up to date, and makes those that are missing
    generate.py --check FOLDER   changes nothing; fails, and says how, when a page is out of date

What stands between `<!-- generated -->` and `<!-- end of generated -->` is replaced: the first such
part is the summary, the second one the reference. The rest of a page is written by hand. The plugin
is found by GST_PLUGIN_PATH_1_0. Exits with 77 (skipped) without the Python bindings of GStreamer.
"""
import argparse
import difflib
import pathlib
import re
import sys

try:
    import gi
    gi.require_version("Gst", "1.0")
    from gi.repository import GObject, Gst
except (ImportError, ValueError) as problem:
    print(f"needs the packages python3-gi and gir1.2-gstreamer-1.0: {problem}")
    sys.exit(77)

PLUGIN = "driftcluster"
BEGIN, END = "<!-- generated -->", "<!-- end of generated -->"
PART = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
TYPES = {
    "gboolean": "boolean", "gint": "integer", "guint": "integer", "gint64": "integer",
    "guint64": "integer", "gfloat": "number", "gdouble": "number", "gchararray": "string",
    "GstStructure": "structure",
}


def mutability(flags):
    """When a property may be changed, in words."""
    if not flags & GObject.ParamFlags.WRITABLE:
        return "never, read-only"
    for flag, words in ((Gst.PARAM_MUTABLE_PLAYING, "always"),
                        (Gst.PARAM_MUTABLE_PAUSED, "up to PAUSED"),
                        (Gst.PARAM_MUTABLE_READY, "up to READY")):
        if flags & flag:
            return words + (", controllable" if flags & Gst.PARAM_CONTROLLABLE else "")
    return "up to NULL"


def is_enum(pspec):
    return pspec.value_type.is_a(GObject.TYPE_ENUM)


def number(value):
    """A limit as people write it; None where it is only that of the type."""
    if abs(value) in (2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1) or abs(value) > 1e38:
        return "any"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:g}"
    return str(int(value))


def choices(pspec, element):
    """The values of an enumeration; how a property tells them depends on the version of the bindings,
    but what it is set to knows its likes in all of them."""
    return type(element.get_property(pspec.name)).__enum_values__


def value_range(pspec, element):
    if is_enum(pspec):
        values = choices(pspec, element)
        return ", ".join(f"`{values[key].value_nick}`" for key in sorted(values))
    if hasattr(pspec, "minimum"):
        return f"{number(pspec.minimum)} .. {number(pspec.maximum)}"
    return ""


def default(pspec, element):
    if not pspec.flags & GObject.ParamFlags.WRITABLE:
        return ""
    if is_enum(pspec):
        return f"`{choices(pspec, element)[int(pspec.default_value)].value_nick}`"
    if pspec.default_value is None:
        return "unset"
    if isinstance(pspec.default_value, bool):
        return str(pspec.default_value).lower()
    if isinstance(pspec.default_value, (int, float)):
        return number(pspec.default_value)
    return f"`{pspec.default_value}`"


def cell(text):
    return text.replace("|", "\\|")


def properties(element):
    gtype = element.__gtype__
    own = [pspec for pspec in GObject.list_properties(gtype) if pspec.owner_type == gtype]
    if not own:
        return []
    lines = ["## Properties", "",
             "| property | type | range | default | may be changed | meaning |",
             "| --- | --- | --- | --- | --- | --- |"]
    for pspec in sorted(own, key=lambda pspec: pspec.name):
        kind = "choice" if is_enum(pspec) else TYPES.get(pspec.value_type.name,
                                                         pspec.value_type.name)
        cells = (f"`{pspec.name}`", kind, value_range(pspec, element), default(pspec, element),
                 mutability(int(pspec.flags)), cell(pspec.blurb))
        lines.append("| " + " | ".join(cells) + " |")
    return lines + [""]


def signals(gtype):
    names = sorted(GObject.signal_list_names(gtype))
    if not names:
        return []
    lines = ["## Signals", "", "| signal | kind | arguments | returns |", "| --- | --- | --- | --- |"]
    for name in names:
        query = GObject.signal_query(name, gtype)
        kind = "action" if query.signal_flags & GObject.SignalFlags.ACTION else "notification"
        arguments = ", ".join(TYPES.get(kind.name, kind.name) for kind in query.param_types)
        returns = query.return_type.name
        lines.append(f"| `{name}` | {kind} | {arguments or 'none'} | "
                     f"{'nothing' if returns == 'void' else TYPES.get(returns, returns)} |")
    return lines + [""]


def caps_in_words(caps):
    """The media types of a template, with the formats; sizes and rates are always any."""
    words = []
    for index in range(caps.get_size()):
        features = caps.get_features(index).to_string()
        name = caps.get_structure(index).get_name()
        formats = re.search(r"format=\(string\)(?:{ *([^}]*?) *}|([^,;]+))",
                            caps.get_structure(index).to_string())
        words.append(f"`{name}`"
                     + ("" if features == "memory:SystemMemory" else f" ({features})")
                     + (f": {formats.group(1) or formats.group(2)}" if formats else ""))
    return "; ".join(words) or "any"


def pads(factory):
    lines = ["## Pads", "", "| pad | direction | presence | takes |", "| --- | --- | --- | --- |"]
    for template in sorted(factory.get_static_pad_templates(), key=lambda pad: pad.name_template):
        lines.append(f"| `{template.name_template}` | {template.direction.value_nick} | "
                     f"{template.presence.value_nick} | {caps_in_words(template.get_caps())} |")
    return lines + [""]


def summary(factory):
    return [f"{factory.get_metadata('description')}.", "",
            f"Class: {factory.get_metadata('klass')}. `gst-inspect-1.0 {factory.get_name()}` shows "
            "the same on a terminal.", ""]


def reference(factory):
    return properties(factory.create(None)) + signals(factory.get_element_type()) + pads(factory)


def new_page(factory):
    return f"# {factory.get_name()}\n\n{BEGIN}\n{END}\n\n{BEGIN}\n{END}\n"


def updated(page, factory):
    """`page` with the generated parts of `factory`, or None when it does not have both."""
    parts = ["\n".join([BEGIN, *lines, END]) for lines in (summary(factory), reference(factory))]
    if len(PART.findall(page)) != len(parts):
        return None
    remaining = iter(parts)
    return PART.sub(lambda _: next(remaining), page)


def bring_up_to_date(folder, factory, check):
    """Whether the page of `factory` is fine, after it has been written unless `check`."""
    path = folder / f"{factory.get_name()}.md"
    if check and not path.exists():
        print(f"{path} is missing")
        return False
    page = path.read_text() if path.exists() else new_page(factory)
    wanted = updated(page, factory)
    if wanted is None:
        print(f"{path} must have two parts from '{BEGIN}' to '{END}'")
        return False
    if wanted == page:
        return True
    if check:
        print("".join(difflib.unified_diff(page.splitlines(True), wanted.splitlines(True),
                                           str(path), "what the element tells")))
        return False
    path.write_text(wanted)
    print(f"wrote {path}")
    return True


def element_factories():
    Gst.init(None)
    features = Gst.Registry.get().get_feature_list_by_plugin(PLUGIN)
    return [feature.load() for feature in sorted(features, key=lambda feature: feature.get_name())
            if isinstance(feature, Gst.ElementFactory)]


def main():
    parser = argparse.ArgumentParser(description="Brings docs/elements up to date.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail on a difference")
    parser.add_argument("folder", type=pathlib.Path, help="where the pages are")
    options = parser.parse_args()
    factories = element_factories()
    if not factories:
        print(f"the plugin {PLUGIN} is not found: set GST_PLUGIN_PATH_1_0 to the folder it is in")
        return 1
    results = [bring_up_to_date(options.folder, factory, options.check) for factory in factories]
    if not all(results) and options.check:
        print("`ninja -C build docs` brings the pages up to date; what the element is for and an "
              "example belong between the generated parts")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
