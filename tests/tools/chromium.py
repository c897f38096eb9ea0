# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real browser for tests of pages: Chromium and its driver, where they and python3-selenium are
installed; and what a page must be for everybody."""
import contextlib
import shutil
import time
import unittest

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    MISSING = (None if shutil.which("chromedriver") and shutil.which("chromium")
               else "chromium and chromium-driver are not installed")
except ImportError:
    By = Keys = None
    MISSING = "python3-selenium is not installed"

PHONE, DESKTOP = (390, 844), (1280, 900)
# Elements that stick out of the window to the right, and are not in something that scrolls.
TOO_WIDE = """
  return [...document.querySelectorAll("body *")].filter((element) =>
    !element.closest(".strip, dialog:not([open]), .sr, svg") &&
    element.getBoundingClientRect().right > innerWidth + 1).map((element) => element.outerHTML.slice(0, 90));
"""
# Text whose contrast with the ground behind it is below what WCAG 2.1 AA asks for.
LOW_CONTRAST = """
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const linear = (value) => value <= 10.31 ? value / 3294.6 : Math.pow((value / 255 + 0.055) / 1.055, 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || !element.checkVisibility() || element.closest(".viewer-stage")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(parse(style.color)), luminance(ground(element))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24;
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) found.push(element.outerHTML.slice(0, 90));
  }
  return found;
"""
# Controls without a name for those who do not see them, and numbers of elements that come twice.
UNNAMED = """
  const named = (element) => element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") ||
    element.textContent.trim() || (element.labels && element.labels.length) || element.title;
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  return [...document.querySelectorAll("button, a[href], input, select, dialog, nav, section, progress")]
    .filter((element) => !named(element)).map((element) => element.outerHTML.slice(0, 90))
    .concat(ids.filter((id, i) => ids.indexOf(id) !== i))
    .concat([...document.querySelectorAll("img:not([alt])")].map((image) => image.outerHTML.slice(0, 90)));
"""


def wait_for(what, seconds=20):
    """Waits until `what()` is true, and returns what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(Exception):
            if found := what():
                return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


@unittest.skipIf(MISSING, MISSING)
class BrowserTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu",
                         "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # Selenium would look for them with a program that Debian does not ship.
        options.binary_location = shutil.which("chromium")
        service = Service(shutil.which("chromedriver"))
        cls.browser = webdriver.Chrome(options=options, service=service)
        cls.addClassCleanup(cls.browser.quit)

    def setUp(self):
        self.browser.get("about:blank")
        self.browser.get_log("browser")
        self.sized(DESKTOP)

    def tearDown(self):
        # 404 and the like for pictures that left are not errors of the page.
        told = [entry["message"] for entry in self.browser.get_log("browser")
                if entry["level"] == "SEVERE" and "Failed to load resource" not in entry["message"]]
        self.assertEqual(told, [])

    def sized(self, size):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 500})

    def coloured(self, scheme):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def all(self, selector):
        return wait_for(lambda: self.browser.find_elements(By.CSS_SELECTOR, selector))

    def one(self, selector):
        return self.all(selector)[0]

    def texts(self, selector):
        return self.browser.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)",
            selector)

    def script(self, text):
        return self.browser.execute_script(text)

    def focused(self):
        return self.browser.switch_to.active_element

    def press(self, *keys):
        for key in keys:
            self.focused().send_keys(key)
