"""`make golden`: rewrites the golden files and the generated parts of the README; the diff is what is to be read."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

from contract import test_schema  # noqa: E402
from contract.test_catalog import GOLDEN, golden_lines  # noqa: E402

from fakes.web_surfaces import regenerate  # noqa: E402
from gpufleet_proto.catalog import METRICS  # noqa: E402
from readme import README, sections, with_sections  # noqa: E402


def main() -> int:
    GOLDEN.write_text("\n".join(golden_lines(METRICS)) + "\n")
    regenerate()
    test_schema.regenerate()
    README.write_text(with_sections(README.read_text(), sections()))
    diff = ["git", "-C", str(ROOT), "diff", "--stat", "--", "tests/golden", "README.md"]
    return subprocess.run(diff, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
