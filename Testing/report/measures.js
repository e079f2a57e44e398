// Measures the report in the frame: overflow, contrast of every text, what is clipped. Result as JSON into #seen.
const frame = document.getElementById("report");

function colour(text) {
  const parts = text.match(/[\d.]+/g).map(Number);
  return { rgb: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1 };
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((one) => (one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function behind(element, view) {
  for (let here = element; here; here = here.parentElement) {
    const found = colour(view.getComputedStyle(here).backgroundColor);
    if (found.alpha > 0) return found.rgb;
  }
  return [255, 255, 255];
}

function contrasts(inside, view) {
  const found = [];
  const walker = inside.createTreeWalker(inside.body, view.NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const style = view.getComputedStyle(element);
    if (!walker.currentNode.data.trim() || !element.getClientRects().length || element.tagName === "title") continue;
    if (element.closest(".skip")) continue;
    const ink = colour(element.closest("svg") ? style.fill : style.color).rgb;
    const [light, dark] = [luminance(ink), luminance(behind(element, view))].sort((a, b) => b - a);
    found.push([(light + 0.05) / (dark + 0.05), walker.currentNode.data.trim().slice(0, 40)]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}

// Texts that run out of the page: those within a part that scrolls by itself do not count.
function clipped(inside, width) {
  return [...inside.querySelectorAll("body *")]
    .filter((one) => !one.closest(".scroll") && !one.closest(".skip") && !one.closest(".definitions"))
    .filter((one) => { const box = one.getBoundingClientRect(); return box.width && (box.right > width + 0.5 || box.left < -0.5); })
    .map((one) => `${one.tagName} ${one.getAttribute("class") || ""} ${one.textContent.slice(0, 30)}`);
}

// Letters of one drawing that lie on each other.
function collisions(inside) {
  const found = [];
  for (const drawing of inside.querySelectorAll("svg[role=img]")) {
    const boxes = [...drawing.querySelectorAll("text")].map((one) => [one.textContent, one.getBoundingClientRect()]);
    boxes.forEach(([text, a], number) => boxes.slice(number + 1).forEach(([other, b]) => {
      if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2) found.push(`${text} / ${other}`);
    }));
  }
  return found;
}

frame.addEventListener("load", () => {
  const view = frame.contentWindow, inside = frame.contentDocument;
  const all = contrasts(inside, view);
  document.getElementById("seen").textContent = JSON.stringify({
    width: view.innerWidth,
    scrollWidth: inside.documentElement.scrollWidth,
    background: view.getComputedStyle(inside.body).backgroundColor,
    title: inside.title,
    scripts: inside.scripts.length,
    handlers: [...inside.querySelectorAll("*")].filter((one) => [...one.attributes].some((a) => a.name.startsWith("on"))).length,
    parts: inside.querySelectorAll("article").length,
    pictures: [...inside.images].map((one) => one.naturalWidth),
    bars: [...inside.querySelectorAll("svg.plot rect")].filter((one) => one.getBoundingClientRect().height > 0).length,
    hatched: [...inside.querySelectorAll("rect.gap-area")].map((one) => view.getComputedStyle(one).fill),
    texts: all.length,
    contrast: all.slice(0, 3),
    clipped: clipped(inside, view.innerWidth),
    collisions: collisions(inside),
  });
});
