"""`python -m drcheck` is `drcheck`."""

import sys

from drcheck.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
