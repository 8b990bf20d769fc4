"""How fast drcheck is beside named peers, in one run on one machine: `python -m benchmarks [--quick] [NAME ...]`. See harness.py."""
