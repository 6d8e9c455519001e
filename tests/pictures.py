"""Pictures of all kinds, opened in a real browser: `make pictures` writes PNGs of what it shows into pictures/.

Each moving SVG is taken soon after its start, halfway, and with motion reduced; each page at its start and after its
script has played. Look at them. Where no browser is found, one line says so.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

EXAMPLES = {"sudoku": "sudoku/hard", "maze": "maze/hard", "arc": "arc/00576224", "search": "hard"}
SHORT = {"search": ["--max-steps", "2"]}  # a pass of that many steps leaves something to search for
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
CALM = "--force-prefers-reduced-motion"
SHOTS = {  # by suffix: a name, milliseconds of the page's own clock, further options
    ".svg": [("early", 300, []), ("middle", 3000, []), ("calm", 300, [CALM])],
    ".html": [("early", 300, []), ("played", 60_000, []), ("calm", 300, [CALM])],
}


def shoot(browser: str, page: Path, target: Path, milliseconds: int, options: list[str]) -> None:
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=1120,900",
        ]
        command += [f"--user-data-dir={profile}", f"--virtual-time-budget={milliseconds}", f"--screenshot={target}"]
        subprocess.run([*command, *options, page.as_uri()], check=True, capture_output=True, timeout=120)
    with Image.open(target) as image:
        if len(image.convert("RGB").getcolors(1 << 20) or []) < 5:
            raise SystemExit(f"{target}: nothing to see on it")


def main() -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"pictures: no browser found ({', '.join(BROWSERS)}), nothing was looked at")
        return
    folder = Path("pictures").resolve()
    folder.mkdir(exist_ok=True)
    for name, example in EXAMPLES.items():
        trace = folder / f"{name}.jsonl"
        solve = [sys.executable, "-m", "trm_solve", "solve", f"example:{example}", "--trace", str(trace), "-q"]
        solve += SHORT.get(name, [])
        subprocess.run(solve, check=True, stdout=subprocess.DEVNULL)
        for suffix, shots in SHOTS.items():
            page = folder / f"{name}{suffix}"
            replay = [sys.executable, "-m", "trm_solve", "replay", str(trace), "--save", str(page), "-q"]
            subprocess.run(replay, check=True, stdout=subprocess.DEVNULL)
            for moment, milliseconds, options in shots:
                target = folder / f"{name}-{suffix[1:]}-{moment}.png"
                shoot(browser, page, target, milliseconds, options)
                print(target.relative_to(Path.cwd()))


if __name__ == "__main__":
    main()
