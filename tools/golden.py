"""`make golden`: rewrites the golden files and the generated parts of the README; the diff is what is to be read."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from contract.test_catalog import GOLDEN, golden_lines  # noqa: E402

from gpufleet_proto.catalog import METRICS  # noqa: E402


def main() -> int:
    GOLDEN.write_text("\n".join(golden_lines(METRICS)) + "\n")
    return subprocess.run(
        ["git", "-C", str(ROOT), "diff", "--stat", "--", "tests/golden", "README.md"], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
