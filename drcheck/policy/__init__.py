"""Packs of guidance, waivers, and the judging of every control on every subject."""

from drcheck.policy.cycles import policy_cycle
from drcheck.policy.evaluate import judge
from drcheck.policy.loading import load_pack, load_packs, shipped_packs
from drcheck.policy.pack import Control, Pack, describe
from drcheck.policy.waivers import load_waivers, parse_waivers, read_waivers

__all__ = [
    "Control",
    "Pack",
    "describe",
    "judge",
    "load_pack",
    "load_packs",
    "load_waivers",
    "parse_waivers",
    "policy_cycle",
    "read_waivers",
    "shipped_packs",
]
