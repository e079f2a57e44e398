"""Make the README's and the manual's pictures anew, into Resources/Screenshots.

    python Testing/manual/make_pictures.py [WINDOWS]

WINDOWS is a folder of pictures of Slicer's window that Testing/in_slicer/take_photographs.py took: these alone are
taken over then. Without it the others are made. The quality of a deformation is what ``demo`` leaves; the panel is
drawn by Qt outside of Slicer's window, by Testing/panel/make_screenshots.py; the report is drawn by a headless
Chromium and left as it is where there is none. Large ones go through 256 colours. Look at them before committing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "Resources" / "Screenshots"
PANEL = {
    "findings": ("finding-show-me", "finding-repair"),
    "series": ("series-1", "series-before-after"),
    "registrations": ("registrations-loaded",),
    "measures": ("quality-measured", "quality-repaired"),
    "dark": ("dark-findings", "dark-series", "dark-quality"),
}
"""Pictures, and the states of the panel that stand side by side in each."""
REPORT_SIZE = (1100, 1230)
SAMPLES = "samples"
LARGE = 300_000
"""Bytes from which a picture goes through 256 colours."""


def run(*arguments: str, folder: Path) -> None:
    """Run this interpreter on the library of the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "DicomRegInspector"), "QT_QPA_PLATFORM": "offscreen"}
    subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)


def small(image: Image.Image) -> Image.Image:
    """The picture in 256 colours, white among them."""
    chosen = image.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    colours = np.array(chosen.getpalette(), np.int16).reshape(-1, 3)
    colours[np.argmin(np.abs(colours - 255).sum(axis=1))] = 255
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours.astype(np.uint8).ravel().tolist())
    return image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def save(image: Image.Image, name: str) -> None:
    """The picture as Resources/Screenshots/NAME.png, in fewer colours where it would be large."""
    path = OUTPUT / f"{name}.png"
    image = image.convert("RGB")
    image.save(path, optimize=True)
    if path.stat().st_size > LARGE:
        small(image).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {image.width} × {image.height}, {path.stat().st_size // 1000} kB")


def trimmed(image: Image.Image, margin: int = 12) -> Image.Image:
    """Without what is of one colour below the last thing drawn."""
    values = np.asarray(image.convert("RGB"))
    drawn = np.flatnonzero((values != values[-1, 0]).any(axis=(1, 2)))
    return image.crop((0, 0, image.width, min(int(drawn[-1]) + margin, image.height)))


def beside(images: list[Image.Image]) -> Image.Image:
    """Pictures in a row, top edges level, on the ground of the first one."""
    ground = images[0].convert("RGB").getpixel((0, images[0].height - 1))
    row = Image.new("RGB", (sum(one.width for one in images), max(one.height for one in images)), ground)
    left = 0
    for one in images:
        row.paste(one, (left, 0))
        left += one.width
    return row


def report(folder: Path) -> None:
    """The head of the HTML report, as a browser shows it."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        print("no Chromium: the picture of the report stays as it is")
        return
    run("-m", "DicomRegInspectorLib", "inspect", SAMPLES, "--html", "report.html", folder=folder)
    width, height = REPORT_SIZE
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={width},{height}"]
    subprocess.run(
        [browser, *options, "--screenshot=report.png", "report.html"],
        cwd=folder,
        check=True,
        stderr=subprocess.DEVNULL,
        timeout=120,
    )
    save(Image.open(folder / "report.png"), "report")


def main() -> None:
    """Take over pictures of the window, or make all others."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    if len(sys.argv) > 1:
        for path in sorted(Path(sys.argv[1]).glob("window-*.png")):
            save(Image.open(path), path.stem)
        return
    with TemporaryDirectory() as made:
        folder = Path(made)
        run("-m", "DicomRegInspectorLib", "demo", "demo", folder=folder)
        save(Image.open(folder / "demo" / "quality.png"), "quality")
        run("-m", "DicomRegInspectorLib", "sample-data", SAMPLES, folder=folder)
        run(str(ROOT / "Testing" / "panel" / "make_screenshots.py"), "panel", SAMPLES, folder=folder)
        for name, states in PANEL.items():
            save(beside([trimmed(Image.open(folder / "panel" / f"panel-{state}.png")) for state in states]), name)
        report(folder)


if __name__ == "__main__":
    main()
